"""What has to hold after each sync of a history."""
