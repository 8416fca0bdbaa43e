"""Routing by a cost model: to which experts, at which price, and what that saves."""
