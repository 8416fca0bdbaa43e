"""`moeprof history`: runs over time, and what it prints."""
