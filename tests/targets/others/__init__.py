"""Loaders that run in environments of their own. The tests do not import them.

The environments are locked in the `.txt` files. Each `load_*` module loads messages from stdin,
prints the state that the target prints, and writes the rows of all tables to a file.

Usage: python -m tests.targets.others.load_... FOLDER ROWS < messages

FOLDER keeps the tables between runs. ROWS is a JSON object: a list of rows per table.
"""
