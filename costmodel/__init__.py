"""Points to curves, curves to costs: what to measure next, the fit, the model, the look-up."""
