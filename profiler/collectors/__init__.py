"""Collectors: a file per tool; collector.py says what each must do, registry.py lists them."""
