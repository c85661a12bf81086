"""Targets that are run in environments of their own: nothing here is imported by the tests.

The environments are locked in the `.txt` files. Each `load_*` module loads messages from stdin,
prints the state that the target prints, and writes the rows of all tables to a file.

Usage: python -m tests.targets.others.load_... FOLDER ROWS < messages

FOLDER keeps the tables between runs. ROWS becomes a JSON object of lists of rows by table.
"""
