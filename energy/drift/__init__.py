"""Drift and disturbances of the machine over a power pass, from its reference loads."""
