"""What parts of the routing benchmark hand back: rows with goals, and times of calls in turns."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from moeprof.benchmarks.on_gpu.document import Row

BENCHMARK = "routing"


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of single calls in us."""

    median_us: float
    p99_us: float


def timed_in_turns(calls: Mapping[str, Callable[[], object]], turns: int) -> dict[str, Timing]:
    """Time each call once a turn, in an order that changes, so that a slow moment meets all."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    rng = np.random.default_rng(0)
    for turn in range(turns + 5):
        rng.shuffle(order)
        for name in order:
            started = time.perf_counter_ns()
            calls[name]()
            if turn >= 5:
                times[name].append((time.perf_counter_ns() - started) / 1e3)
    return {
        name: Timing(float(np.median(each)), float(np.quantile(each, 0.99)))
        for name, each in times.items()
    }


def at_most(name: str, value: float, unit: str, limit: float) -> Row:
    """A goal that is met where the value is at most the limit; NaN is not."""
    return Row(BENCHMARK, name, value, unit, goal=f"<= {limit:g}", met=bool(value <= limit))


def at_least(name: str, value: float, unit: str, limit: float) -> Row:
    """A goal that is met where the value is at least the limit; NaN is not."""
    return Row(BENCHMARK, name, value, unit, goal=f">= {limit:g}", met=bool(value >= limit))


def beside(name: str, value: float, unit: str) -> Row:
    """A number without a goal: a peer's, or one that explains another."""
    return Row(BENCHMARK, name, value, unit)


def skipped(name: str, unit: str, why: str) -> Row:
    """A number that could not be had, with the reason."""
    return Row(BENCHMARK, name, None, unit, why=why)
