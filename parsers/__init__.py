"""Recordings and traces to tables; reads files, starts no program."""
