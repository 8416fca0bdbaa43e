"""topk: the router: the top_k largest logits of each token, and the softmax over them.

logits [tokens, experts] of the scenario's dtype -> weights float32 [tokens, top_k],
ids int32 [tokens, top_k], largest first.
"""

import torch

from ...kernels.topk import topk
from ..operation import InputFactory, Operation


def make_inputs(
    take: InputFactory, tokens: int, experts: int, top_k: int
) -> tuple[torch.Tensor, int]:
    """Router logits [tokens, experts] and the number of experts per token."""
    return take((tokens, experts)), top_k


def run(logits: torch.Tensor, top_k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Choose the experts of each token and their weights."""
    return topk(logits, top_k)


def reference(logits: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The same by torch.topk, for which the order of equal logits is unspecified."""
    picked, ids = torch.topk(logits, k, dim=1)
    return torch.softmax(picked, dim=1), ids.to(torch.int32)


OPERATION = Operation(
    name="topk",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    # Per logit a comparison; per pick a subtraction, an exp, an addition and a division.
    flops=lambda tokens, preset: tokens * (preset.experts + 4 * preset.top_k),
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        tokens * (preset.experts * dtype_bytes + preset.top_k * (4 + 4))
    ),
    fields=("experts", "top_k"),
    imports=("from moeprof.kernels.topk import topk",),
)
