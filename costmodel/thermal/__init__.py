"""Power to temperature: poles and leakage from a recorded step in power."""
