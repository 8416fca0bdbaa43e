"""Commits of the user's repository: which they are, a folder for each, and readings of them."""
