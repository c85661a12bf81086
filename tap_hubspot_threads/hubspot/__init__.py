"""HubSpot's API: one method for each endpoint, and one request until it is answered.

Knows neither Singer nor the sync. `api` has the endpoints, `client` sends a request, `responses`
says what a response means, `pagination` follows lists, `rows` turns JSON into rows. May import
`models`, `errors` and `values`.
"""
