"""Tests of sync/children."""
