"""Sides of a comparison, made up: seven operations over batch size."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from moeprof.compare.regression.side import METRICS, Reading, Side

OPS = ("fc1", "fc2", "gelu", "relu", "dequant_unpack", "dequant_linear", "topk")
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
CONDITIONS = {"device": "a GPU", "driver": "570", "power limit": "700 W", "clocks": "not locked"}


def make_side(
    factors: Mapping[str, float] | None = None,
    *,
    rng: np.random.Generator | None = None,
    level_sd: float = 0.0,
    size_sd: float = 0.0,
    ops: tuple[str, ...] = OPS,
    **changed: Any,
) -> Side:
    """A side whose operations take 100 us + 1 us per token, each times its factor.

    `level_sd` is by how much each curve as a whole, and `size_sd` each size, is off by chance.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    factors = factors or {}
    values = {}
    for op in ops:
        level = factors.get(op, 1.0) * np.exp(rng.normal(0, level_sd))
        for size in SIZES:
            time_us = float((100 + size) * level * np.exp(rng.normal(0, size_sd)))
            values[(curve_of(op), size)] = Reading(time_us, 0.001, 0.002, 2)
    made: dict[str, Any] = {
        "name": "a side",
        "digest": str(rng.random()),
        "ops": {curve_of(op): op for op in ops},
        "values": {"latency": values},
        "units": {metric: unit for metric, (_, unit) in METRICS.items()},
        "conditions": CONDITIONS,
    }
    return Side(**made | changed)


def curve_of(op: str) -> str:
    """The curve of an operation."""
    return f"{op}-8x4-fp32-cold"
