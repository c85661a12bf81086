"""Tests of `tap_hubspot_threads/sync/`."""
