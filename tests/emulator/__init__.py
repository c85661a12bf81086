"""Tests of the emulator that other tests rely on."""
