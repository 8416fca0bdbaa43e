"""`moeprof steptime`: steps and energy of whole models."""
