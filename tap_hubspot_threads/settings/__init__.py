"""What a user can set, and how what is wrong with it is told, before the first request."""
