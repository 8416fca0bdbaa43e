"""A trace of one deployment whose steps and delays are known, under noise and outliers."""

from pathlib import Path

import numpy as np

from moeprof.tests.parsers.serving.traced_engine import (
    Json,
    Request,
    Step,
    document,
    noisy,
    step_spans,
    write_lines,
)

ARRIVAL_US = 300.0  # a prompt's token adds 0.8 us
ARRIVAL_TOKEN_US = 0.8
WAIT_US = 150.0
WAITING_US = 9000.0  # each waiting request adds so much
TOKEN_US = 9000.0  # between two tokens
DELIVERY_US = 400.0


def known_trace(
    folder: Path, *, steps: int = 900, stated_us: float | None = None, outliers: float = 0.05
) -> Path:
    """Write a trace in which each fourth step sees a request queued; the first hundred are warm-up.

    Of steps that decode, each takes 9 ms and 30 us per request that decodes; `stated_us` is what
    their tracer says of all.
    """
    rng = np.random.default_rng(7)
    made: list[Step] = []
    at_us = 0.0
    for number in range(1, steps + 1):
        decoding = int(rng.integers(8, 120))
        took = 9000.0 + 30.0 * decoding
        prefill = int(rng.integers(100, 900)) if number % 5 == 0 else 0
        made.append(
            Step(
                number, at_us, took + 20.0 * prefill, decoding, prefill,
                waiting=max(0, int(rng.integers(-10, 30))), kv_ratio=float(rng.uniform(0.2, 0.6)),
            )
        )  # fmt: skip
        at_us += took + 20.0 * prefill
    queued = made[::4]
    count = len(queued)
    prompts, outputs = rng.integers(20, 3000, count), rng.integers(20, 200, count)
    waiting = np.asarray([step.waiting for step in queued], dtype=np.float64)
    arrival = noisy(rng, ARRIVAL_US + ARRIVAL_TOKEN_US * prompts, outliers)
    wait = noisy(rng, WAIT_US + WAITING_US * waiting, outliers)
    token = noisy(rng, np.full(count, TOKEN_US), outliers)
    delivery = noisy(rng, np.full(count, DELIVERY_US), outliers)
    spans: list[Json] = []
    for at, step in enumerate(queued):
        request = Request(
            f"r{at}", step.start_us + 100 - arrival[at], arrival[at], wait[at], 30_000.0,
            token[at], delivery[at], int(prompts[at]), int(outputs[at]), queued_step=step.step_id,
        )  # fmt: skip
        spans += request.spans()
    parts = [*step_spans(made, stated_us=stated_us), *spans]
    return write_lines(
        folder / "traces.json", [document(parts[at : at + 50]) for at in range(0, len(parts), 50)]
    )
