"""What a router logs of each pass while it serves: rows in CSV or Parquet that outlive a kill."""
