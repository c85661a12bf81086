"""Load the tap's output through real targets, and check what is in their tables."""
