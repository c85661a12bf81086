"""HubSpot's API: endpoints, requests, limits, retries, pagination and rows.

`api` has one method per endpoint, `client` sends requests, `status_codes` turns error responses
into exceptions, `pagination` reads lists, and `json_to_row` turns JSON objects into rows.

May import: `models`, `errors` and `values`. Must not import: Singer libraries and `sync`.
"""
