"""Tests of sync/phases."""
