"""Delays of requests outside their steps: fitted to journeys, told for a simulator."""
