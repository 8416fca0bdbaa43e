"""Statistics, each once: pure functions over numbers. Importing it loads no scipy."""
