"""The commands behind `make run` and `make demo-metrics`. They are not part of the package.

The demo may import `emulator`, but not the other way around.
"""
