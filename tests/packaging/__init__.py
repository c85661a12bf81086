"""Tests of the tap as users install and run it."""
