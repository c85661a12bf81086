"""The streams whose records follow those of threads."""
