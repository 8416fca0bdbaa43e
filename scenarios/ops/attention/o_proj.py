"""o_proj: the projection of what the heads give, y = x Wᵀ.

x [tokens, heads * head_dim], W [hidden, heads * head_dim] -> y [tokens, hidden], all of the
scenario's dtype.
"""

import torch

from ...operation import InputFactory, Operation
from ...preset import Preset


def make_inputs(
    take: InputFactory, tokens: int, heads: int, head_dim: int, hidden: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations [tokens, heads * head_dim] and weights [hidden, heads * head_dim]."""
    return take((tokens, heads * head_dim)), take((hidden, heads * head_dim))


def run(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Multiply by the transposed weights: [tokens, hidden]."""
    return torch.nn.functional.linear(x, weight)


def reference(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The same, by its textbook formula."""
    return torch.einsum("tn,hn->th", x, weight)


def _inputs(preset: Preset) -> int:
    return (preset.heads or 0) * (preset.head_dim or 0)


OPERATION = Operation(
    name="o_proj",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=lambda tokens, preset: 2 * tokens * _inputs(preset) * preset.hidden,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        (tokens * preset.hidden + (tokens + preset.hidden) * _inputs(preset)) * dtype_bytes
    ),
    shape=("heads", "head_dim", "hidden"),
)
