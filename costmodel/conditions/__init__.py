"""A cost under conditions that were not measured: each gives an estimate, flagged as one."""
