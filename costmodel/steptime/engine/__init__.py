"""What an engine's settings make of a deployment: what fits, what runs, what a step works on."""
