"""Which experts each token goes to, with which weights, and how many tokens each expert gets.

What is picked is that of kernels/topk, to the bit, on every device. On a GPU its kernel gives ids,
weights and counts in one launch. On a CPU torch.topk is several times faster than the reference,
but leaves open the order of equal ranks and of NaN: where the best k + 1 ranks of every token fall
strictly and are finite, nothing is open; otherwise the reference computes.
"""

from collections.abc import Iterator
from math import inf

import numpy as np
import torch

from ..kernels.arguments import DTYPES, MAX_EXPERTS, MAX_PICKS, check_by_expert
from ..kernels.backend import runs_kernel
from ..kernels.routing import PLAIN, Routing, ranks_of, weights_of
from ..kernels.topk import topk


class Picks:
    """The experts of each token: `ids` int32 [tokens, k], `weights` float32 [tokens, k].

    `counts` int32 [experts], the tokens of each expert, are counted when they are first asked for
    where the kernel did not count them. All are on the device of the logits.
    """

    __slots__ = ("_counts", "_experts", "ids", "weights")

    def __init__(
        self, ids: torch.Tensor, weights: torch.Tensor, experts: int, counts: torch.Tensor | None
    ) -> None:
        self.ids, self.weights = ids, weights
        self._experts, self._counts = experts, counts

    def __iter__(self) -> Iterator[torch.Tensor]:
        """The ids, then the weights."""
        return iter((self.ids, self.weights))

    @property
    def counts(self) -> torch.Tensor:
        """Tokens of each expert, int32 [experts]."""
        if self._counts is None:
            counted = torch.bincount(self.ids.flatten(), minlength=self._experts)
            self._counts = counted.to(torch.int32)
        return self._counts


def pick(
    logits: torch.Tensor, k: int, routing: Routing = PLAIN, bias: torch.Tensor | None = None
) -> Picks:
    """Pick k experts for each row of `logits` [tokens, experts], as kernels/topk does.

    `bias` float32 [experts] is added to what ranks experts; weights are those of the model's own
    scores. Raises BadInput as kernels/topk does.
    """
    experts = logits.shape[-1] if logits.dim() else 0
    if runs_kernel(logits):
        counts = torch.zeros(experts, dtype=torch.int32, device=logits.device)
        weights, ids = topk(logits, k, routing, bias, counts)
        return Picks(ids, weights, experts, counts)
    picked = _without_ties(logits, k, routing, bias)
    if picked is None:
        weights, ids = topk(logits, k, routing, bias)
        picked = ids, weights
    return Picks(*picked, experts, None)


def _without_ties(
    logits: torch.Tensor, k: int, routing: Routing, bias: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Ids and weights by torch.topk; None where ties, NaN or infinity leave them open.

    None also for what kernels/topk refuses, and for groups and gradients, which it computes.
    """
    if not (
        logits.dim() == 2
        and 1 <= k <= MAX_PICKS
        and k <= (experts := logits.shape[1]) <= MAX_EXPERTS
        and logits.is_cpu
        and logits.dtype in DTYPES
        and type(k) is int
        and routing.groups == 1
    ):
        return None
    ranks = logits
    if bias is not None:
        check_by_expert("bias", bias, torch.float32, logits)
        ranks = ranks_of(logits, routing, bias)
    if ranks.requires_grad:
        return None
    best, at = torch.topk(ranks, k + 1 if k < experts else k)
    best = best.to(torch.float32)
    if not _is_strict(best):
        return None
    at = at[:, :k]
    if bias is None and (routing is PLAIN or routing == PLAIN):
        weights = torch.softmax(best[:, :k], dim=1)
    else:
        weights = weights_of(logits, at, routing)
    return at.to(torch.int32), weights


def _is_strict(best: torch.Tensor) -> bool:
    """Whether each row of float32 [tokens, k] falls strictly from below infinity; NaN does not."""
    rows = best.to(torch.float32).numpy()
    falling = int(np.count_nonzero(rows[:, 1:] < rows[:, :-1]))
    finite = int(np.count_nonzero(np.abs(rows[:, 0]) < inf))
    return falling == rows[:, 1:].size and finite == len(rows)
