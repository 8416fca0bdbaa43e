"""One operation over batch size: the fit, its intervals, its costs."""
