"""Tests of `sync/concurrency/`."""
