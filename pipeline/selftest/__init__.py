"""The selftest: one command that shows what moeprof measures on a machine, and how far to trust it.

Each step runs in a process of its own and tells what it found; claims.py judges all of it.
"""
