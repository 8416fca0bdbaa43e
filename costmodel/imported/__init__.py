"""Public tables of measurements, read and gated."""
