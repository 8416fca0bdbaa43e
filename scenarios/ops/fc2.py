"""fc2: the down-projection of one expert, y = x Wᵀ.

x [tokens, ffn], W [hidden, ffn] -> y [tokens, hidden], all of the scenario's dtype.
"""

import torch

from ..operation import InputFactory, Operation


def make_inputs(
    take: InputFactory, tokens: int, ffn: int, hidden: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations [tokens, ffn] and weights [hidden, ffn]."""
    return take((tokens, ffn)), take((hidden, ffn))


def run(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Multiply by the transposed weights: [tokens, hidden]."""
    return torch.nn.functional.linear(x, weight)


def reference(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The same, by its textbook formula."""
    return torch.einsum("tf,hf->th", x, weight)


OPERATION = Operation(
    name="fc2",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=lambda tokens, preset: 2 * tokens * preset.hidden * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        (tokens * preset.ffn + preset.hidden * preset.ffn + tokens * preset.hidden) * dtype_bytes
    ),
    shape=("ffn", "hidden"),
)
