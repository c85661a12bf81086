"""`make run` and `make demo-metrics`: a sample account in PostgreSQL, and reports on it.

Not part of the package. May import `emulator`, which imports nothing of the demo.
"""
