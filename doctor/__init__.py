"""Whether this machine can measure: each check with its evidence, its cost and its remedy."""
