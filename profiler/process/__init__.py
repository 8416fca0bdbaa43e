"""Other processes: run one to its end, or ask one line by line. No other folder starts any."""
