"""Which commit changed a noisy reading: what to read next, and when it is known."""
