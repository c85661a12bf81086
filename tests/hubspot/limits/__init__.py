"""Tests of `tap_hubspot_threads.hubspot.limits`."""
