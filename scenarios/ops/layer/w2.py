"""w2, w2_grouped: the down-projection of gated experts, y = x W2ᵀ.

w2          one expert: x [tokens, ffn], W2 [hidden, ffn] -> y [tokens, hidden]
w2_grouped  all experts that get tokens: x [tokens * top_k, ffn] sorted by expert, the rows up to
            the end of each int32 [active experts], W2 [active experts, hidden, ffn]
            -> y [tokens * top_k, hidden]; of one rank of several as in w13_grouped

All but the ends are of the scenario's dtype. The key of w2_grouped names the distribution of tokens
over experts; idle experts are left out, because no kernel reads their weights.
"""

from typing import Final

import torch

from ...expert_loads import active_loads
from ...operation import InputFactory, Operation
from ...preset import Preset
from .w13 import W13_GROUPED, grouped_reference, one_reference, run_grouped, run_one


def one_inputs(
    take: InputFactory, tokens: int, hidden: int, ffn: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations [tokens, ffn] and weights [hidden, ffn]."""
    return take((tokens, ffn)), take((hidden, ffn))


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
    """Sorted rows, the rows up to the end of each expert, weights [active, hidden, ffn]."""
    loads = active_loads(routing, tokens, experts, top_k, local_experts)
    x = take((sum(loads), ffn))
    ends = torch.tensor(loads).cumsum(0, dtype=torch.int32).to(x.device)
    return x, ends, take((len(loads), hidden, ffn))


def _grouped_bytes(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    """The rows and their results, and of each active expert its weights and its end."""
    rows, active = preset.expert_rows(tokens), len(preset.expert_loads(tokens))
    an_expert = preset.hidden * preset.ffn * dtype_bytes + 4
    return rows * (preset.ffn + preset.hidden) * dtype_bytes + active * an_expert


W2: Final = Operation(
    name="w2",
    make_inputs=one_inputs,
    run=run_one,
    reference=one_reference,
    flops=lambda tokens, preset: 2 * tokens * preset.ffn * preset.hidden,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        (tokens * preset.ffn + preset.hidden * preset.ffn + tokens * preset.hidden) * dtype_bytes
    ),
    shape=("ffn", "hidden"),
)

W2_GROUPED: Final = Operation(
    name="w2_grouped",
    make_inputs=grouped_inputs,
    run=run_grouped,
    reference=grouped_reference,
    flops=lambda tokens, preset: 2 * preset.expert_rows(tokens) * preset.ffn * preset.hidden,
    bytes_moved=_grouped_bytes,
    shape=("ffn", "hidden", "local_experts"),
    fields=("experts", "top_k"),
    variant=("routing",),
    imports=W13_GROUPED.imports,
)
