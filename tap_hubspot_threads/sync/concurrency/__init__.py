"""Concurrent API calls, and pages read ahead."""
