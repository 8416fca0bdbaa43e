"""Routing by a cost model: one static answer, and control of a simulated GPU."""
