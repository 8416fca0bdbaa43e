"""`moeprof profile`: its options, the command, and what it prints."""
