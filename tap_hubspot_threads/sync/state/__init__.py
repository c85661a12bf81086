"""What a sync keeps for the next one."""
