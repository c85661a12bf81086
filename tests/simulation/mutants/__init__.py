"""Mutants of the tap: planted bugs that the random histories have to find; `table` lists them."""
