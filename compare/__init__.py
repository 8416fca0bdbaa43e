"""Compare predictions with measurements; the verdict is PASS, FAIL or AMBIGUOUS."""
