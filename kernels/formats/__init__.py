"""Formats of quantised weights: each with a quantiser that makes packed weights of float ones."""
