"""The child streams `messages` and `actors`, whose records follow the records of threads."""
