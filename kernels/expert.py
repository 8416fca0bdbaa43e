"""One expert, and all experts of a layer: fc1, activation, fc2 on packed weights.

The experts of a layer take their tokens sorted by expert, and each of the two linear layers is one
launch for all of them.
"""

from __future__ import annotations

import torch

from .dequant_linear import dequant_linear
from .grouped_linear import grouped_linear
from .weights import Weights

__all__ = ["Weights", "expert", "experts", "grouped_linear"]


def expert(
    x: torch.Tensor, up: Weights, down: Weights, activation: str = "gelu_tanh"
) -> torch.Tensor:
    """Compute fc2(activation(fc1(x))) of one expert: x [tokens, hidden] -> [tokens, hidden].

    The activation is part of fc1's launch. Raises BadInput as dequant_linear does.
    """
    inner = dequant_linear(x, up.packed, up.scales, up.zeros, up.bias, activation)
    return dequant_linear(inner, down.packed, down.scales, down.zeros, down.bias)


def experts(
    x: torch.Tensor,
    counts: torch.Tensor,
    up: Weights,
    down: Weights,
    activation: str = "gelu_tanh",
) -> torch.Tensor:
    """Compute fc2(activation(fc1(x))), each row by its expert; two launches.

    Rows of x [tokens, hidden] are sorted by expert, and counts int32 [experts] says how many each
    has. Raises BadInput as `grouped_linear` does.
    """
    return grouped_linear(grouped_linear(x, counts, up, activation), counts, down)
