"""`moeprof cost`: its options, the command, and what it prints."""
