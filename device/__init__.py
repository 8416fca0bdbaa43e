"""The machine, read only: its identity, caches, GPUs, their sensors, and software versions."""
