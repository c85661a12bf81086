"""Tests of sync/concurrency."""
