"""The phases of a sync of the whole account."""
