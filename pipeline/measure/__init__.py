"""What the measuring stages share: a run's plan on this machine, the sweep and its progress."""
