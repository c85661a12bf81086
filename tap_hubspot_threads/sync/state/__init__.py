"""The state that a sync keeps for the next sync."""
