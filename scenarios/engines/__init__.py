"""Other engines' kernels for a layer's routed experts, an adapter each, measured as ours are."""
