"""Validate step times and energy: what a file or fits predict, beside what was measured."""
