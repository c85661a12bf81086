"""Planted bugs that the random histories must find. `table` lists them."""
