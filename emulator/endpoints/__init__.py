"""The endpoints: one module per endpoint or group of endpoints, plus shared helpers.

They depend on the account and the request only; the service handles tokens, limits and faults. May
import `data` and `behavior`.
"""
