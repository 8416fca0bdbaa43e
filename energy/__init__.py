"""Power logs and meter files to energy per launch, or the faults that leave none."""
