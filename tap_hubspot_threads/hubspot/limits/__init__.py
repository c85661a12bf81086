"""Which requests may leave, and when."""
