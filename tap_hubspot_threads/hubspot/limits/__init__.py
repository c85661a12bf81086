"""The rate limit and the daily quota, which decide when a request may be sent."""
