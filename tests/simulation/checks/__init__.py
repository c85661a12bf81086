"""Checks that run after each sync of a history."""
