"""Statistics that several rooms use, each once; pure functions over numbers."""
