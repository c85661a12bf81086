"""The state: what the next sync needs."""
