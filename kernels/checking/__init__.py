"""Checks each kernel on a device against float64, and whether it repeats bit by bit."""
