"""Recordings to tables; reads files, starts nothing."""
