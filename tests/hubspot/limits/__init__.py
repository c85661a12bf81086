"""Tests of hubspot/limits."""
