"""One file per tool that records an isolated script, and what they share."""
