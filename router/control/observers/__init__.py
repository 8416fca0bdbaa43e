"""What controllers learn from telemetry: the rate of arrivals, the power sensor, the heat."""
