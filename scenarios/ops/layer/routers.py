"""Routers other than `topk`: each picks top_k experts for a token, and gives them weights.

logits [tokens, experts] of the scenario's dtype, for topk_biased a bias float32 [experts]
-> weights float32 [tokens, top_k], ids int32 [tokens, top_k], largest first.

    topk_softmax   the softmax over all experts, not renormalised: OLMoE, Qwen2-MoE
    topk_sigmoid   the sigmoid of each logit, divided by the sum over the picks
    topk_grouped   topk_softmax within the groups of the largest logits: DeepSeek-V2
    topk_biased    ranks by sigmoid + bias within the groups of the largest sum of two; weights are
                   2.5 times the sigmoids over their sum: DeepSeek-V3, Kimi K2, GLM-4.5

The shape of the last two is the number of groups and of groups that are kept.
"""

from collections.abc import Callable
from typing import Any, Final

import torch

from ....kernels.routing import Routing, named_routing
from ....kernels.topk import topk
from ...operation import InputFactory, Operation
from ...preset import Preset


def softmax_inputs(
    take: InputFactory, tokens: int, experts: int, top_k: int
) -> tuple[torch.Tensor, int, Routing]:
    """Router logits [tokens, experts], the experts per token, and how they are picked."""
    return take((tokens, experts)), top_k, named_routing("topk_softmax")


def sigmoid_inputs(
    take: InputFactory, tokens: int, experts: int, top_k: int
) -> tuple[torch.Tensor, int, Routing]:
    """Router logits [tokens, experts], the experts per token, and how they are picked."""
    return take((tokens, experts)), top_k, named_routing("topk_sigmoid")


def grouped_inputs(
    take: InputFactory, tokens: int, experts: int, top_k: int, groups: int, kept_groups: int
) -> tuple[torch.Tensor, int, Routing]:
    """Router logits [tokens, experts], the experts per token, and how they are picked."""
    return take((tokens, experts)), top_k, named_routing("topk_grouped", groups, kept_groups)


def biased_inputs(
    take: InputFactory, tokens: int, experts: int, top_k: int, groups: int, kept_groups: int
) -> tuple[torch.Tensor, int, Routing, torch.Tensor]:
    """Router logits, the experts per token, how they are picked, and a bias float32 [experts]."""
    routing = named_routing("topk_biased", groups, kept_groups)
    return take((tokens, experts)), top_k, routing, take((experts,), torch.float32)


def run(
    logits: torch.Tensor, top_k: int, routing: Routing, bias: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Choose the experts of each token and their weights."""
    return topk(logits, top_k, routing, bias)


def reference(
    logits: torch.Tensor, top_k: int, routing: Routing, bias: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same as the models' own code has it: scores, a mask of groups, and torch.topk."""
    sigmoid = routing.scores == "sigmoid"
    scores = torch.sigmoid(logits) if sigmoid else torch.softmax(logits, dim=1)
    ranks = scores if bias is None else scores + bias
    by_group = ranks.view(len(ranks), routing.groups, -1)
    best = by_group.topk(1 if bias is None else min(2, by_group.shape[2]), dim=2).values.sum(dim=2)
    kept = torch.zeros_like(best).scatter(1, best.topk(routing.kept_groups, dim=1).indices, 1.0)
    within = by_group.masked_fill(kept[:, :, None] == 0, float("-inf")).flatten(1)
    ids = within.topk(top_k, dim=1).indices
    weights = scores.gather(1, ids)
    if routing.renormalise:
        weights = weights / weights.sum(dim=1, keepdim=True)
    return weights * routing.scale, ids.to(torch.int32)


def _bytes_moved(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    return tokens * (preset.experts * dtype_bytes + preset.top_k * (4 + 4))


def _biased_bytes(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    return _bytes_moved(tokens, preset, dtype_bytes) + 4 * preset.experts


def _of_groups(preset: Preset, largest: int) -> int:
    """Arithmetic per token to keep groups by the sum of their `largest` largest ranks.

    A comparison per expert and each of the largest, their sum, a comparison per group.
    """
    if preset.groups == 1:
        return 0
    return largest * (preset.experts + preset.groups)


def _picked_from(preset: Preset) -> int:
    return preset.experts // preset.groups * preset.kept_groups


def _softmax_flops(tokens: int, preset: Preset) -> int:
    """Per logit a comparison, a subtraction, an exp and an addition; per pick a division."""
    return tokens * (4 * preset.experts + preset.top_k)


def _sigmoid_flops(tokens: int, preset: Preset) -> int:
    """Per logit a comparison; per pick a sigmoid of four, an addition and a division."""
    return tokens * (preset.experts + 6 * preset.top_k)


def _grouped_flops(tokens: int, preset: Preset) -> int:
    """As topk_softmax, with a comparison per expert of a kept group alone; and the groups."""
    picks = 3 * preset.experts + _picked_from(preset) + preset.top_k
    return tokens * (picks + _of_groups(preset, 1))


def _biased_flops(tokens: int, preset: Preset) -> int:
    """Per logit a sigmoid of four and the bias, per expert of a kept group a comparison.

    Per pick an addition, a division and the scale; and the groups.
    """
    picks = 5 * preset.experts + _picked_from(preset) + 3 * preset.top_k
    return tokens * (picks + _of_groups(preset, 2))


def _operation(
    name: str,
    make_inputs: Callable[..., tuple[Any, ...]],
    flops: Callable[[int, Preset], int],
    bytes_moved: Callable[[int, Preset, int], int] = _bytes_moved,
    shape: tuple[str, ...] = (),
) -> Operation:
    return Operation(
        name=name,
        make_inputs=make_inputs,
        run=run,
        reference=reference,
        flops=flops,
        bytes_moved=bytes_moved,
        shape=shape,
        fields=("experts", "top_k"),
        imports=(
            "from moeprof.kernels.routing import Routing, named_routing",
            "from moeprof.kernels.topk import topk",
        ),
    )


_GROUPS: Final = ("groups", "kept_groups")

OPERATIONS: Final = (
    _operation("topk_softmax", softmax_inputs, _softmax_flops),
    _operation("topk_sigmoid", sigmoid_inputs, _sigmoid_flops),
    _operation("topk_grouped", grouped_inputs, _grouped_flops, shape=_GROUPS),
    _operation("topk_biased", biased_inputs, _biased_flops, _biased_bytes, _GROUPS),
)
