"""Tests of sync/state."""
