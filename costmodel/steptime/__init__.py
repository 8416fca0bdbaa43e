"""Time and energy of a whole model's step, by what it must read, compute and send."""
