"""Traces of an engine that serves a model: spans, steps, journeys of requests, cache events."""
