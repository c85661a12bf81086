"""Tests of `emulator.data`."""
