"""Tests of `sync/state/`."""
