"""Tests of `sync/phases/`."""
