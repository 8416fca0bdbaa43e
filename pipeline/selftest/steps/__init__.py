"""The steps, a file each: a function that is given a `Work` and returns what it found."""
