"""Tests of `emulator.endpoints`."""
