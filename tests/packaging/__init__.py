"""The tap as it is installed and run by others."""
