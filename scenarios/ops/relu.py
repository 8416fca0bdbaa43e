"""relu: the cheapest activation, a lower bound for any pointwise kernel between fc1 and fc2.

x [tokens, ffn] -> y [tokens, ffn], of the scenario's dtype.
"""

import torch

from ..operation import InputFactory, Operation


def make_inputs(take: InputFactory, tokens: int, ffn: int) -> tuple[torch.Tensor]:
    """Activations [tokens, ffn]."""
    return (take((tokens, ffn)),)


def run(x: torch.Tensor) -> torch.Tensor:
    """Set negative elements to zero."""
    return torch.relu(x)


def reference(x: torch.Tensor) -> torch.Tensor:
    """The same, by its textbook formula."""
    return torch.where(x > 0, x, 0)


OPERATION = Operation(
    name="relu",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=lambda tokens, preset: tokens * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: 2 * tokens * preset.ffn * dtype_bytes,
    shape=("ffn",),
)
