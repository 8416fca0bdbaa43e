"""Power to temperature: poles fitted to a recorded response."""
