"""Child streams: their records follow the records of threads."""
