"""Tests of `sync/children/`."""
