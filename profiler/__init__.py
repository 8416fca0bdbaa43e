"""Runs scenarios under a collector and leaves recordings; processes go through process.py."""
