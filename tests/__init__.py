"""What the tap promises, a line a test; offline, against the emulator."""
