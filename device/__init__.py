"""What the machine says of itself, read only: its identity, caches, GPUs and versions."""
