"""What the GPU does while it routes: its sensors read by a thread, as snapshots for any reader."""
