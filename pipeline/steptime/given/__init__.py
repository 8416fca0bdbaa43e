"""What a user gives beside a model of steps: steps of their own, and a routing policy."""
