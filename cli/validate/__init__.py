"""`moeprof validate`: the command, and what it prints."""
