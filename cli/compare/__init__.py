"""`moeprof compare`: the command, and what it prints."""
