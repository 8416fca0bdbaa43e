"""gate: the router's product, logits = x Wᵀ.

x [tokens, hidden], W [experts, hidden] -> logits [tokens, experts], all of the scenario's dtype.
"""

import torch

from ...operation import InputFactory, Operation


def make_inputs(
    take: InputFactory, tokens: int, hidden: int, experts: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations [tokens, hidden] and the router's weights [experts, hidden]."""
    return take((tokens, hidden)), take((experts, hidden))


def run(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Multiply by the transposed weights: [tokens, experts]."""
    return torch.nn.functional.linear(x, weight)


def reference(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The same, by its textbook formula."""
    return torch.einsum("th,eh->te", x, weight)


OPERATION = Operation(
    name="gate",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=lambda tokens, preset: 2 * tokens * preset.hidden * preset.experts,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        (tokens * preset.hidden + preset.experts * preset.hidden + tokens * preset.experts)
        * dtype_bytes
    ),
    shape=("hidden",),
    fields=("experts",),
)
