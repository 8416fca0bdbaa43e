"""The work of operations whose work is not a line over the batch size."""
