"""Time routing (softmax over the picked logits) on a GPU: ours, torch's, vLLM's, sglang's."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from moeprof.benchmarks.on_gpu.bench import Bench, Calls, Timed
from moeprof.benchmarks.on_gpu.floors import floor_us
from moeprof.kernels.topk import topk

MAX_ERROR = 1e-5  # absolute error of a weight, against float64


def time_topk(
    bench: Bench, tokens: int, experts: int, k: int, dtype: torch.dtype
) -> Iterator[Timed]:
    """Measure each router on the same logits; it must pick the best k experts in order."""
    kind = "" if dtype == torch.float32 else f" {str(dtype)[6:]}"
    size = f"{tokens}x{experts} k{k}{kind}"

    def rows() -> Iterator[Timed]:
        generator = bench.generator()
        count = bench.sets_for(tokens * experts * dtype.itemsize)
        sets = [_logits(tokens, experts, generator).to(dtype) for _ in range(count)]
        exact, ids = torch.topk(sets[0].double(), k)
        error_of = partial(_error, weights=torch.softmax(exact, 1), ids=ids)
        least_us = floor_us(bench.name, tokens * (dtype.itemsize * experts + 8 * k))
        for name, make in _routers(sets, k).items():
            yield bench.row(("topk", size, name), make, error_of, MAX_ERROR, least_us)

    return bench.rows(("topk", size, "ours"), rows)


def _routers(sets: list[torch.Tensor], k: int) -> dict[str, Callable[[], Calls]]:
    return {
        "ours": lambda: [partial(topk, logits, k) for logits in sets],
        "torch.topk + softmax": lambda: [partial(_by_torch, logits, k) for logits in sets],
        "vllm topk_softmax": partial(_vllm, sets, k),
        "sglang topk_softmax": partial(_sglang, sets, k),
    }


def _error(
    picked: tuple[torch.Tensor, torch.Tensor], weights: torch.Tensor, ids: torch.Tensor
) -> float:
    """Largest absolute error of a weight; infinite if other experts were picked."""
    if not torch.equal(picked[1].long(), ids):
        return math.inf
    return float((picked[0].double() - weights).abs().max())


def _logits(tokens: int, experts: int, generator: torch.Generator) -> torch.Tensor:
    """Logits [tokens, experts]: consecutive bfloat16 numbers from 0.5 on, shuffled per token.

    No two of a token are equal.
    """
    levels = (torch.arange(experts, dtype=torch.int16) + 0x3F00).view(torch.bfloat16).float()
    keys = torch.rand(tokens, experts, device="cuda", generator=generator)
    return levels.cuda()[keys.argsort(dim=1)]


def _by_torch(logits: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    values, ids = torch.topk(logits, k)
    return torch.softmax(values.float(), dim=1), ids


def _written_by(
    kernel: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], Any],
    sets: list[torch.Tensor],
    k: int,
) -> Calls:
    """Calls of a kernel that writes into given weights and ids, filled with NaN and -1."""
    weights = torch.full((len(sets[0]), k), math.nan, device="cuda")
    ids = torch.full((len(sets[0]), k), -1, dtype=torch.int32, device="cuda")

    def call(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        kernel(weights, ids, logits)
        return weights, ids

    return [partial(call, logits) for logits in sets]


def _vllm(sets: list[torch.Tensor], k: int) -> Calls:
    """vLLM's router kernel; renormalised, its weights are the softmax over the picks."""
    from vllm._custom_ops import topk_softmax

    rows = torch.empty((len(sets[0]), k), dtype=torch.int32, device="cuda")
    return _written_by(
        lambda weights, ids, logits: topk_softmax(weights, ids, rows, logits, True), sets, k
    )


def _sglang(sets: list[torch.Tensor], k: int) -> Calls:
    """sglang's router kernel, called like vLLM's."""
    from sgl_kernel import topk_softmax  # type: ignore[import-not-found]

    return _written_by(
        lambda weights, ids, logits: topk_softmax(weights, ids, logits, True), sets, k
    )
