"""The physics fit: one coefficient per column, tied where rows alone do not tell them apart."""
