"""Text of data: fit to be shown, and fit to be shared."""
