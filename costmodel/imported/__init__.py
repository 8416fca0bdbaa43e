"""Read public tables of measurements, and refuse rows that cannot be true."""
