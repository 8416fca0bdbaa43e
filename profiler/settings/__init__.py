"""Settings of a GPU that a run changes: its SM clock and its power limit."""
