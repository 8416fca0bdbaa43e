"""What routing costs per batch: picks without and with a bias, beside torch.topk with softmax."""

from collections.abc import Iterator

import numpy as np
import torch

from moeprof.benchmarks.on_gpu.document import Row
from moeprof.benchmarks.routed.goals import at_most, beside, timed_in_turns
from moeprof.router.adaptive import AdaptiveRouter
from moeprof.router.expert_costs import ExpertCosts
from moeprof.router.settings import RouterSettings, Strategy

SIZES = ((1, 128, 8), (64, 128, 8), (512, 128, 8), (4096, 256, 8))


def costs(experts: int, tokens: int) -> ExpertCosts:
    """Experts of linear cost, every other one at 40 % of the cost of its neighbour."""
    loads = np.array([0.0, float(max(tokens, 2))])
    energy_j = np.where(np.arange(experts) % 2, 1.2e-3, 3e-3)[:, None] * loads
    on_one = np.zeros(experts, dtype=np.int64)
    return ExpertCosts(loads, 1e-3 * energy_j, energy_j, 110.0, on_one)


def router(strategy: Strategy, logits: torch.Tensor, k: int) -> AdaptiveRouter:
    """A router that has planned for batches like one."""
    tokens, experts = logits.shape
    made = AdaptiveRouter(costs(experts, tokens), RouterSettings(top_k=k, strategy=strategy))
    made.route(logits)
    return made


def rows(seed: int, quick: bool) -> Iterator[Row]:
    """Whether picks are those of torch, and the time of each way."""
    for tokens, experts, k in SIZES:
        logits = torch.randn(tokens, experts, generator=torch.Generator().manual_seed(seed))
        turns = (20_000 if quick else 200_000) // tokens // 10
        yield from at_size(logits, k, min(max(20, turns), 3000))


def at_size(logits: torch.Tensor, k: int, turns: int) -> Iterator[Row]:
    """The rows of one batch of logits [tokens, experts]."""
    where = f"{logits.shape[0]} x {logits.shape[1]}"
    plain, biased = router("baseline", logits, k), router("static_optimal", logits, k)

    def by_torch() -> tuple[torch.Tensor, torch.Tensor]:
        best, ids = torch.topk(logits, k)
        return torch.softmax(best, dim=1), ids

    weights, ids = by_torch()
    ours = plain.route(logits)
    other = int((ours.ids != ids).sum()) + int((ours.weights != weights).sum())
    yield at_most(f"baseline, {where}: picks and weights that are not torch's", other, "", 0)
    times = timed_in_turns(
        {
            "torch.topk + softmax": by_torch,
            "baseline": lambda: plain.route(logits),
            "static_optimal": lambda: biased.route(logits),
        },
        turns,
    )
    least_us = times["torch.topk + softmax"].median_us
    yield at_most(f"baseline, {where}: time over that of torch.topk + softmax",
                  times["baseline"].median_us / least_us, "x", 1.1)  # fmt: skip
    for way, time in times.items():
        yield beside(f"{way}, {where}: median time", time.median_us, "us")
