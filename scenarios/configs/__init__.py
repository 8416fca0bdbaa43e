"""Presets from the config.json of published models."""
