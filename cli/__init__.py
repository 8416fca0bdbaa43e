"""The commands: one file each, that parses arguments, calls rooms in order and prints."""
