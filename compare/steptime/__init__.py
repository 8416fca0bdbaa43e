"""Judge predictions of whole steps: scores by group of rows, limits, and the verdict."""
