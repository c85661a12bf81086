"""HubSpot's API: one method per endpoint, rate limits, retries, pagination and row cleaning.

`api` has the endpoints, `client` sends requests, `status_codes` turns error responses into
exceptions, `pagination` reads lists, and `json_to_row` turns JSON objects into rows. The package
does not depend on Singer or on the sync. May import `models`, `errors` and `values`.
"""
