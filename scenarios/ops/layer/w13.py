"""w13, w13_grouped: both up-projections of gated experts as one product, y = x W13ᵀ.

w13          one expert: x [tokens, hidden], W13 [2 ffn, hidden] -> y [tokens, 2 ffn]
w13_grouped  all experts that get tokens: x [tokens * top_k, hidden] sorted by expert, the rows up
             to the end of each int32 [active experts], W13 [active experts, 2 ffn, hidden]
             -> y [tokens * top_k, 2 ffn]; of one rank of several, which holds local_experts, those
             and their rows alone, where every rank brings so many tokens

All but the ends are of the scenario's dtype. The key of w13_grouped names the distribution of
tokens over experts; idle experts are left out, because no kernel reads their weights.
"""

from typing import Final

import torch

from ....kernels.gated import grouped_product
from ...expert_loads import active_loads
from ...operation import InputFactory, Operation
from ...preset import Preset


def one_inputs(
    take: InputFactory, tokens: int, hidden: int, ffn: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations [tokens, hidden] and weights [2 ffn, hidden]."""
    return take((tokens, hidden)), take((2 * ffn, hidden))


def run_one(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Multiply by the transposed weights: [tokens, 2 ffn]."""
    return torch.nn.functional.linear(x, weight)


def one_reference(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The same, by its textbook formula."""
    return torch.einsum("th,nh->tn", x, weight)


def grouped_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    routing: str,
    local_experts: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sorted rows, the rows up to the end of each expert, weights [active, 2 ffn, hidden]."""
    loads = active_loads(routing, tokens, experts, top_k, local_experts)
    x = take((sum(loads), hidden))
    ends = torch.tensor(loads).cumsum(0, dtype=torch.int32).to(x.device)
    return x, ends, take((len(loads), 2 * ffn, hidden))


def run_grouped(x: torch.Tensor, ends: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Multiply each row by the weights of its expert: [rows, outputs]."""
    return grouped_product(x, ends, weights)


def grouped_reference(x: torch.Tensor, ends: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The same, row by row."""
    experts = torch.searchsorted(ends, torch.arange(len(x)), right=True).tolist()
    return torch.stack([weights[own] @ row for own, row in zip(experts, x, strict=True)])


def _grouped_bytes(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    """The rows and their results, and of each active expert its weights and its end."""
    rows, outputs = preset.expert_rows(tokens), 2 * preset.ffn
    active = len(preset.expert_loads(tokens))
    an_expert = preset.hidden * outputs * dtype_bytes + 4
    return rows * (preset.hidden + outputs) * dtype_bytes + active * an_expert


W13: Final = Operation(
    name="w13",
    make_inputs=one_inputs,
    run=run_one,
    reference=one_reference,
    flops=lambda tokens, preset: 2 * tokens * preset.hidden * 2 * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        (tokens * preset.hidden + 2 * preset.ffn * preset.hidden + tokens * 2 * preset.ffn)
        * dtype_bytes
    ),
    shape=("hidden", "ffn"),
)

W13_GROUPED: Final = Operation(
    name="w13_grouped",
    make_inputs=grouped_inputs,
    run=run_grouped,
    reference=grouped_reference,
    flops=lambda tokens, preset: 2 * preset.expert_rows(tokens) * preset.hidden * 2 * preset.ffn,
    bytes_moved=_grouped_bytes,
    shape=("hidden", "ffn", "local_experts"),
    fields=("experts", "top_k"),
    variant=("routing",),
    imports=(
        "from moeprof.kernels.gated import grouped_product",
        "from moeprof.scenarios.expert_loads import active_loads",
    ),
)
