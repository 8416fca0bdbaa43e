"""The recordings of a run as a whole: which are sound, and one digest over all of them."""
