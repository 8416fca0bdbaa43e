"""unpermute: bring the experts' rows back to their tokens, and add them up with their weights.

y [tokens * top_k, hidden] sorted by expert, of the scenario's dtype, the place of each row among
the picks int64 [tokens * top_k], weights float32 [tokens, top_k] -> [tokens, hidden]. The key names
the distribution of tokens over experts, which gives the places.
"""

import torch

from ....kernels.dispatch import unpermute
from ...expert_loads import choices
from ...operation import InputFactory, Operation


def make_inputs(
    take: InputFactory, tokens: int, hidden: int, experts: int, top_k: int, routing: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows [tokens * top_k, hidden] of experts, their places, and weights [tokens, top_k]."""
    y = take((tokens * top_k, hidden))
    ids = torch.from_numpy(choices(routing, tokens, experts, top_k)).flatten()
    order = torch.sort(ids, stable=True).indices
    return y, order.to(y.device), take((tokens, top_k), torch.float32)


def run(y: torch.Tensor, order: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Scatter the rows and combine those of each token."""
    return unpermute(y, order, weights)


def reference(y: torch.Tensor, order: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The same, row by row."""
    tokens, top_k = weights.shape
    result = torch.zeros(tokens, y.shape[1], dtype=y.dtype)
    for row, place in zip(y, order.tolist(), strict=True):
        result[place // top_k] += weights[place // top_k, place % top_k] * row
    return result


OPERATION = Operation(
    name="unpermute",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    # A product of each row by its weight, and an addition.
    flops=lambda tokens, preset: 2 * tokens * preset.top_k * preset.hidden,
    # Of a pick: its row, its place and its weight.
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        tokens * preset.top_k * (preset.hidden * dtype_bytes + 8 + 4)
        + tokens * preset.hidden * dtype_bytes
    ),
    shape=("hidden",),
    fields=("experts", "top_k"),
    variant=("routing",),
    imports=(
        "from moeprof.kernels.dispatch import unpermute",
        "from moeprof.scenarios.expert_loads import choices",
    ),
)
