"""SRFA, a form of step times with a softplus: its features, the form, and its quick form."""
