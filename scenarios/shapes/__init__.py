"""The sizes that a run measures: several layers, and one rank's part of each."""
