"""Verdicts of comparisons: the document, and the verdicts that came before it."""
