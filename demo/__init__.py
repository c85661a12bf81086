"""Implements `make run` and `make demo-metrics`. Not part of the package.

May import `emulator`, which imports nothing from the demo.
"""
