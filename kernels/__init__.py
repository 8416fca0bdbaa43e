"""Each Triton kernel beside its torch reference of the same signature."""
