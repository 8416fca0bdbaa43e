"""Rows of one configuration of its own: those of the fit, and points that a user measured."""
