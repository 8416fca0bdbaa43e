"""Coefficients from measured steps, each form judged on configurations it was not fitted to."""
