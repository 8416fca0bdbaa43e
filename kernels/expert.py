"""Feed-forward experts on packed weights: fc2(activation(fc1(x))).

`expert` computes one expert. `experts` computes all experts of a layer in two launches; its rows
are sorted by expert.
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
    """Return fc2(activation(fc1(x))) for one expert: x [tokens, hidden] -> [tokens, hidden].

    fc1 applies the activation in its own launch. Raises BadInput as dequant_linear does.
    """
    inner = dequant_linear(x, *up.tensors, activation, up.codes)
    return dequant_linear(inner, *down.tensors, codes=down.codes)


def experts(
    x: torch.Tensor,
    counts: torch.Tensor,
    up: Weights,
    down: Weights,
    activation: str = "gelu_tanh",
) -> torch.Tensor:
    """Return fc2(activation(fc1(x))) where each row has its own expert: [tokens, hidden].

    Rows of x [tokens, hidden] are sorted by expert; counts int32 [experts] are the rows of each.
    Raises BadInput as `grouped_linear` does.
    """
    return grouped_linear(grouped_linear(x, counts, up, activation), counts, down)
