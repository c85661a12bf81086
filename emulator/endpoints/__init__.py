"""What the API returns: one module per endpoint or group of endpoints, and what those share.

Functions of the account and the request; the token, limits and faults are the service's. May import
`data` and `behavior`.
"""
