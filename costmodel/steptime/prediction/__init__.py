"""Steps, power and energy of one deployment, by what a file of fits holds."""
