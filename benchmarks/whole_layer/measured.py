"""Parts of a layer and the layer as one unit, measured in turns: CPU times, as tables of points.

Other processes share the machine: CPU time leaves out the moments in which they run, and of many
calls the fast quarter those in which the cache was lost to them. Each call reads other inputs than
the one before it, and between two calls of one operation all others run.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from moeprof.scenarios.operation import Operation
from moeprof.scenarios.preset import Preset, load_preset
from moeprof.store.plan import Role
from moeprof.store.tables.parquet import table_from_columns

QUANTILE = 0.25
_POOL_BYTES = 96 << 20  # three last-level caches
_MOST_INPUTS, _FEWEST_CALLS = 6, 8


@dataclass(frozen=True)
class Asked:
    """One operation of a layer at one size, and the role of its point."""

    operation: Operation
    preset: Preset
    tokens: int
    role: Role


def scaled_down() -> dict[str, Preset]:
    """Three published layers at sizes of which 512 tokens take a CPU some ms."""
    small: dict[str, dict[str, Any]] = {
        "mixtral-8x7b": {"hidden": 256, "ffn": 512},
        "qwen3-30b-a3b": {"hidden": 256, "ffn": 96, "experts": 64},
        "deepseek-v3": {"hidden": 256, "ffn": 128, "experts": 64, "shared_ffn": 128},
    }
    attention = (
        "heads", "kv_heads", "head_dim", "q_lora_rank", "kv_lora_rank", "qk_nope_head_dim",
        "qk_rope_head_dim", "v_head_dim",
    )  # fmt: skip
    without = dict.fromkeys(attention)
    common: dict[str, Any] = {"dtype": "float32", "group_size": 8, **without}
    return {name: replace(load_preset(name), **common, **sizes) for name, sizes in small.items()}


def measured(asked: Sequence[Asked], seed: int, turn_s: float) -> pa.Table:
    """Measure each point in two turns over all sizes, each size for `turn_s` of CPU time."""
    by_size: dict[int, list[Asked]] = {}
    for one in asked:
        by_size.setdefault(one.tokens, []).append(one)
    times_us: dict[Asked, list[float]] = {one: [] for one in asked}
    order = random.Random(seed)
    for turn in range(2):
        sizes = list(by_size)
        order.shuffle(sizes)
        for size in sizes:
            generator = torch.Generator().manual_seed(1000 * seed + 2 * size + turn)
            for one, quantile_us in _one_turn(by_size[size], generator, turn_s).items():
                times_us[one].append(quantile_us)
    return table_from_columns("points", _columns(times_us))


def _one_turn(
    asked: Sequence[Asked], generator: torch.Generator, turn_s: float
) -> dict[Asked, float]:
    """The fast quarter of the calls of each operation at one size, in us."""

    def take(shape: tuple[int, ...], dtype: torch.dtype | None = None) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=dtype or torch.float32)

    pools = {one: _pool(one, take) for one in asked}
    found: dict[Asked, list[float]] = {one: [] for one in asked}
    until = time.thread_time() + turn_s
    calls = 0
    while calls < _FEWEST_CALLS or time.thread_time() < until:
        for one, pool in pools.items():
            inputs = pool[calls % len(pool)]
            began_ns = time.thread_time_ns()
            one.operation.run(*inputs)
            found[one].append((time.thread_time_ns() - began_ns) / 1e3)
        calls += 1
    warm = max(1, calls // 4)
    return {one: float(np.quantile(times[warm:], QUANTILE)) for one, times in found.items()}


def _pool(one: Asked, take: Any) -> list[tuple[Any, ...]]:
    moved = one.operation.bytes_moved(one.tokens, one.preset, 4)
    count = min(_MOST_INPUTS, max(2, _POOL_BYTES // max(1, moved)))
    sizes = one.operation.sizes(one.preset)
    return [one.operation.make_inputs(take, one.tokens, **sizes) for _ in range(count)]


def _columns(times_us: dict[Asked, list[float]]) -> dict[str, list[Any]]:
    """Columns of `points`: the geometric mean of both turns, and their ratio."""
    rows = []
    for one, (first_us, second_us) in times_us.items():
        scenario = one.operation.scenario(one.preset, one.tokens, "float32", "cold")
        latency_us, apart = (first_us * second_us) ** 0.5, abs(log(second_us / first_us))
        rows.append(
            scenario.op_key("burst").columns()
            | {
                "curve": scenario.curve, "tokens": one.tokens, "role": one.role,
                "latency_us": latency_us, "latency_us_lo": latency_us / exp(apart),
                "latency_us_hi": latency_us * exp(apart), "latency_source": "wall",
                "energy_source": "unavailable", "energy_reason": "none is measured here",
                "flops": scenario.flops, "bytes_moved": scenario.bytes_moved,
                "agreeing": 2, "turns_apart": log(second_us / first_us),
            }
        )  # fmt: skip
    return {name: [row[name] for row in rows] for name in rows[0]}
