"""The shortest time that a step can take on the data sheet's rates, of the busiest GPU."""

import numpy as np

from .features.columns import dense_weights_us, expert_weights_us
from .features.deployment import Deployment
from .features.steps import Array

_PARTS = ("dense_flops", "expert_flops", "attention_flops")


def roofline_us(columns: dict[str, Array]) -> Array:
    """The longer of reading (weights, cache) and of computing (decode, prefill); shape (n,)."""
    prefill = np.sum([columns[f"prefill_{part}"] for part in _PARTS], axis=0)
    return np.asarray(np.maximum(_reading(columns), _computing(columns) + prefill))


def decode_roofline_us(columns: dict[str, Array]) -> Array:
    """The same for the running requests alone; shape (n,)."""
    return np.asarray(np.maximum(_reading(columns), _computing(columns)))


def weights_us(served: Deployment, experts: Array) -> Array:
    """Reading the dense weights and `experts` of each layer once; shape (n,)."""
    return dense_weights_us(served) + expert_weights_us(served, experts)


def _reading(columns: dict[str, Array]) -> Array:
    return columns["dense_weights"] + columns["expert_weights"] + columns["kv"]


def _computing(columns: dict[str, Array]) -> Array:
    return np.asarray(np.sum([columns[part] for part in _PARTS], axis=0))
