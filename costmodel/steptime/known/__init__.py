"""What rows of a fit have, and which fit knows a deployment."""
