"""Many values at once: corrections of p-values, values apart from the others, their mean."""
