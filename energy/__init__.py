"""Power logs and meter files to energy per launch, with the faults that take it away."""
