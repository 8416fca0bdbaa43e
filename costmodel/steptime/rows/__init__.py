"""Measured steps of served models, and which of them can be true."""
