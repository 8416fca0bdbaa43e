"""A step from measured kernels: their time beyond reading weights, and the fit for the rest."""
