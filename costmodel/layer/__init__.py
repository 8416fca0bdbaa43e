"""A mixture-of-experts layer as the sum of its kernels."""
