"""fc1: the up-projection of one expert, y = x Wᵀ.

x [tokens, hidden], W [ffn, hidden] -> y [tokens, ffn], all of the scenario's dtype.
"""

import torch

from ..operation import InputFactory, Operation


def make_inputs(
    take: InputFactory, tokens: int, hidden: int, ffn: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations [tokens, hidden] and weights [ffn, hidden]."""
    return take((tokens, hidden)), take((ffn, hidden))


def run(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Multiply by the transposed weights: [tokens, ffn]."""
    return torch.nn.functional.linear(x, weight)


def reference(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The same, by its textbook formula."""
    return torch.einsum("th,fh->tf", x, weight)


OPERATION = Operation(
    name="fc1",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=lambda tokens, preset: 2 * tokens * preset.hidden * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        (tokens * preset.hidden + preset.hidden * preset.ffn + tokens * preset.ffn) * dtype_bytes
    ),
    shape=("hidden", "ffn"),
)
