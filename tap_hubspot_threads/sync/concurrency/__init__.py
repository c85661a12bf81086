"""Concurrent API calls, and buffers for pages that are read ahead."""
