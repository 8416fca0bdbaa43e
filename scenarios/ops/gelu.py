"""gelu: the activation between fc1 and fc2, by the error function (not tanh).

x [tokens, ffn] -> y [tokens, ffn], of the scenario's dtype. x Φ(x), Hendrycks and Gimpel 2016.
"""

import math

import torch

from ..operation import InputFactory, Operation


def make_inputs(take: InputFactory, tokens: int, ffn: int) -> tuple[torch.Tensor]:
    """Activations [tokens, ffn]."""
    return (take((tokens, ffn)),)


def run(x: torch.Tensor) -> torch.Tensor:
    """Apply GELU to each element."""
    return torch.nn.functional.gelu(x)


def reference(x: torch.Tensor) -> torch.Tensor:
    """The same, by its textbook formula."""
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


OPERATION = Operation(
    name="gelu",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    # x / sqrt(2), erf, 1 +, * x, / 2: five, erf counted as one.
    flops=lambda tokens, preset: 5 * tokens * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: 2 * tokens * preset.ffn * dtype_bytes,
    shape=("ffn",),
)
