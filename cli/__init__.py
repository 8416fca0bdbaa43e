"""The commands: each parses its arguments, calls one stage of the pipeline and prints."""
