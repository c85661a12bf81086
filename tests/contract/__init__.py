"""What the tap guarantees to users, tested by whole syncs against the emulator."""
