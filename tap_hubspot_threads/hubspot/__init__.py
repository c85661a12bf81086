"""HubSpot's API: one method per endpoint, rate limits, retries, pagination and row cleaning.

This package knows neither Singer nor the sync. `api` has the endpoints, `client` sends requests,
`responses` interprets responses, `pagination` follows lists, and `rows` turns JSON into rows. May
import `models`, `errors` and `values`.
"""
