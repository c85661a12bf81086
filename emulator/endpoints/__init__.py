"""The endpoints: one module per endpoint or group of endpoints, plus shared helpers.

Endpoints depend only on the account and the request. The service handles tokens, limits and faults.
May import `data` and `behavior`.
"""
