"""The repeats of each scenario, and which of them agree."""
