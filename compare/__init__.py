"""One thing held against another, with a verdict: PASS, FAIL or AMBIGUOUS."""
