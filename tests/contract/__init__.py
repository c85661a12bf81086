"""What a user of the tap is promised, by whole syncs against the emulator."""
