"""Tests of the emulator, on which other tests rely."""
