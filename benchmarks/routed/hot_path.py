"""What routing costs per batch: picks without and with a bias, beside torch.topk with softmax."""

from collections.abc import Iterator

import torch

from moeprof.benchmarks.on_gpu.document import Row
from moeprof.benchmarks.routed.goals import at_most, beside, timed_in_turns
from moeprof.router.selection import pick

SIZES = ((1, 128, 8), (64, 128, 8), (512, 128, 8), (4096, 256, 8))


def rows(seed: int, quick: bool) -> Iterator[Row]:
    """Whether picks are those of torch, and the time of each way."""
    for tokens, experts, k in SIZES:
        logits = torch.randn(tokens, experts, generator=torch.Generator().manual_seed(seed))
        yield from at_size(logits, k, max(20, (20_000 if quick else 100_000) // tokens // 10))


def at_size(logits: torch.Tensor, k: int, turns: int) -> Iterator[Row]:
    """The rows of one batch of logits [tokens, experts]."""
    tokens, experts = logits.shape
    name = f"{tokens} x {experts}"
    bias = 0.01 * torch.linspace(-1, 1, experts)

    def by_torch() -> tuple[torch.Tensor, torch.Tensor]:
        best, ids = torch.topk(logits, k)
        return torch.softmax(best, dim=1), ids

    weights, ids = by_torch()
    ours = pick(logits, k)
    other = int((ours.ids != ids).sum()) + int((ours.weights != weights).sum())
    yield at_most(f"baseline, {name}: picks and weights that are not torch's", other, "", 0)
    times = timed_in_turns(
        {
            "torch.topk + softmax": by_torch,
            "baseline": lambda: pick(logits, k),
            "with a bias": lambda: pick(logits, k, bias=bias),
        },
        min(turns, 3000),
    )
    least = times["torch.topk + softmax"].median_us
    yield at_most(f"baseline, {name}: time over that of torch.topk + softmax",
                  times["baseline"].median_us / least, "x", 1.1)  # fmt: skip
    for way, time in times.items():
        yield beside(f"{way}, {name}: median time", time.median_us, "us")
