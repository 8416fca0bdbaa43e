"""One stage per file: each is a function that returns its result and never prints."""
