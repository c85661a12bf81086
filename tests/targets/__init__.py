"""Real targets, and what is in their tables when the tap's output has gone through them."""
