"""Pages (CSV) and reports of Nsight Compute as the table `counters`."""
