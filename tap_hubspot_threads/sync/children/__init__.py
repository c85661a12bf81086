"""The child streams `messages` and `actors`. Their records follow the records of threads."""
