"""Read the CSV file of an external power meter, in the forms that meters and nvidia-smi write."""
