"""Tests of `tap_hubspot_threads.settings`."""
