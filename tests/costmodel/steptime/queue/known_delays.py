"""Requests whose delays are sums of known coefficients, under noise and outliers."""

import numpy as np

from moeprof.costmodel.steptime.queue.delay_columns import (
    KV_THRESHOLDS,
    delivery_columns,
    queue_columns,
    token_columns,
)
from moeprof.costmodel.steptime.queue.journeys import Journeys, kv_read_us
from moeprof.tests.costmodel.steptime.whole_models import served
from moeprof.tests.parsers.serving.traced_engine import noisy

ARRIVAL = {"requests": 300.0, "prompt_tokens": 0.8}
WAIT = {
    "requests": 150.0, "prompt_tokens": 0.5, "waiting": 9000.0, "kv_above_0.7": 400_000.0,
    "kv_above_0.9": 3_000_000.0, "recent_preemptions": 20_000.0,
}  # fmt: skip
TOKEN = {"tokens": 900.0, "kv_read": 1.3}
DELIVERY = {"tokens": 400.0, "running": 25.0}


def known_journeys(
    count: int = 3000, *, outliers: float = 0.05, runs: int = 1, seed: int = 0
) -> Journeys:
    """Requests of `runs` runs, with 3 % of noise and a share `outliers` three to ten times off."""
    rng = np.random.default_rng(seed)
    prompt = rng.integers(20, 4000, count).astype(np.float64)
    context = prompt + rng.integers(10, 60_000, count)
    waiting = np.maximum(0, rng.integers(-20, 60, count)).astype(np.float64)
    running = rng.integers(1, 200, count).astype(np.float64)
    kv_ratio = rng.uniform(0.2, 1.0, count)
    preempted = np.where(kv_ratio > 0.85, rng.poisson(1.0, count), 0).astype(np.float64)
    read_us = kv_read_us(served(), context)
    queue = queue_columns(prompt, waiting, kv_ratio, preempted, KV_THRESHOLDS)

    def made(columns: dict[str, np.ndarray], truth: dict[str, float]) -> np.ndarray:
        exact = np.sum([value * columns[name] for name, value in truth.items()], axis=0)
        return noisy(rng, exact, outliers)

    return Journeys(
        np.asarray([f"run{at * runs // count}" for at in range(count)]),
        {
            "time_s": np.arange(count, dtype=np.float64),
            "arrival_us": made(queue, ARRIVAL),
            "wait_us": made(queue, WAIT),
            "token_us": made(token_columns(read_us), TOKEN),
            "delivery_us": made(delivery_columns(running), DELIVERY),
            "prompt_tokens": prompt,
            "context_tokens": context,
            "waiting": waiting,
            "running": running,
            "kv_ratio": kv_ratio,
            "recent_preemptions": preempted,
            "kv_read_us": read_us,
        },
    )
