"""permute: copy each token's row once for each of its experts, sorted by expert.

x [tokens, hidden] of the scenario's dtype, ids int32 [tokens, top_k] -> rows
[tokens * top_k, hidden], the rows up to the end of each expert int32 [experts], and where each row
stood among the picks int64 [tokens * top_k]. The key names the distribution of tokens over experts.
"""

import torch

from ....kernels.dispatch import permute
from ...expert_loads import choices
from ...operation import InputFactory, Operation


def make_inputs(
    take: InputFactory, tokens: int, hidden: int, experts: int, top_k: int, routing: str
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Activations [tokens, hidden], the experts of each token [tokens, top_k], their number."""
    x = take((tokens, hidden))
    ids = torch.from_numpy(choices(routing, tokens, experts, top_k))
    return x, ids.to(x.device, torch.int32), experts


def run(
    x: torch.Tensor, ids: torch.Tensor, experts: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sort by expert and gather the rows."""
    return permute(x, ids, experts)


def reference(
    x: torch.Tensor, ids: torch.Tensor, experts: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The same, expert by expert and pick by pick."""
    picks = ids.flatten().tolist()
    order = [at for expert in range(experts) for at, own in enumerate(picks) if own == expert]
    ends = [sum(own <= expert for own in picks) for expert in range(experts)]
    rows = torch.stack([x[at // ids.shape[1]] for at in order])
    return rows, torch.tensor(ends, dtype=torch.int32), torch.tensor(order)


OPERATION = Operation(
    name="permute",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=lambda tokens, preset: 0,  # it moves data; the keys that it sorts are integers
    # Of a pick: its id, its row and its place; of an expert: its end.
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        tokens * preset.hidden * dtype_bytes
        + tokens * preset.top_k * (4 + preset.hidden * dtype_bytes + 8)
        + 4 * preset.experts
    ),
    shape=("hidden",),
    fields=("experts", "top_k"),
    variant=("routing",),
    imports=(
        "from moeprof.kernels.dispatch import permute",
        "from moeprof.scenarios.expert_loads import choices",
    ),
)
