"""Tests of the tap, offline and against the emulator."""
