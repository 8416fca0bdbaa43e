"""One operation over batch size: sampling, fit, intervals, energy, costs."""
