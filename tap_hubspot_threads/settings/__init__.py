"""Reads settings, files and environment variables, and validates them before the first request."""
