"""What one expert costs by its load, from the kernels that compute it."""
