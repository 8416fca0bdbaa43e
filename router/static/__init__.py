"""One answer for all batches like a given one."""
