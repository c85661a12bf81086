"""Calls side by side, and pages read ahead."""
