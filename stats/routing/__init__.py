"""How tokens are distributed over experts, and how many experts that makes active."""
