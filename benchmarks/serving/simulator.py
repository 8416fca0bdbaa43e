"""How long a simulator's calls take, and how far they are from the vectorised prediction.

    python benchmarks/serving/simulator.py step_time_model.json

Every model of the file that fits on some split of these GPUs is asked for 10,000 steps, half of
them with prompts. Told are the models that have a closed form, calls in us (the median of five
passes), the preparation in ms and the largest relative difference of 200 random steps.
"""

import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".path"))

from moeprof.costmodel.steptime.features.deployment import Deployment, Split, deployment
from moeprof.costmodel.steptime.prediction.asked_rows import as_rows
from moeprof.costmodel.steptime.simulator import (
    Batch,
    QueueState,
    Request,
    Simulator,
    single_steps_of,
)
from moeprof.costmodel.steptime.step_file import read_step_file
from moeprof.store.errors import BadInput
from moeprof.store.serving.step_time_model import StepTimeFile

GPUS = ("H100", "B200")
CALLS, PASSES, COMPARED = 2_000, 5, 200


def deployments(file: StepTimeFile) -> Iterator[Simulator]:
    """Each model on the first split of each GPU that it fits on."""
    for model, gpu in product(file.models, GPUS):
        for tp in (1, 2, 4, 8):
            try:
                yield Simulator.of(file, deployment(model, gpu, "bf16", "vllm", Split(tp)))
                break
            except BadInput:
                continue


def batches(seed: int) -> list[Batch]:
    """Random steps, half of them with prompts."""
    rng = np.random.default_rng(seed)
    found = []
    for at in range(COMPARED):
        contexts = rng.integers(1, 8000, rng.integers(1, 400)).tolist()
        chunks = [(int(rng.integers(0, 4000)), int(rng.integers(1, 2000)))] if at % 2 else []
        found.append(Batch.of(contexts, chunks))
    return found


def call_us(simulator: Simulator, asked: list[Batch]) -> float:
    """Median over the passes of the mean call."""
    passes = []
    for _ in range(PASSES):
        started = time.perf_counter()
        for _ in range(CALLS // len(asked)):
            for batch in asked:
                simulator.step_us(batch)
        passes.append((time.perf_counter() - started) / (CALLS // len(asked) * len(asked)))
    return float(np.median(passes)) * 1e6


def difference(file: StepTimeFile, served: Deployment, simulator: Simulator) -> float:
    """The largest relative difference to the vectorised prediction."""
    quick, exact = [], []
    for batch in batches(1):
        steps = batch.steps()
        single = single_steps_of(file, served, prompts=batch.prefill_tokens > 0)
        quick.append(simulator.step_us(batch))
        exact.append(float(single.step_us(as_rows(served, steps))[0]))
    return float(np.max(np.abs(np.asarray(quick) / exact - 1)))


def delay_calls_us(simulator: Simulator) -> tuple[float, float]:
    """Mean calls of queue_us and token_us."""
    request, state = Request(512), QueueState(3, 8, 0.8)
    started = time.perf_counter()
    for _ in range(CALLS):
        simulator.queue_us(request, state)
    between = time.perf_counter()
    for _ in range(CALLS):
        simulator.token_us(700.0)
    each = 1e6 / CALLS
    return (between - started) * each, (time.perf_counter() - between) * each


def main() -> None:
    """Run it."""
    file = read_step_file(Path(sys.argv[1]))
    asked, calls_us, farthest = batches(0), [], 0.0
    started = time.perf_counter()
    found = list(deployments(file))
    prepared_ms = (time.perf_counter() - started) / len(found) * 1e3
    for simulator in found:
        calls_us.append(call_us(simulator, asked))
        farthest = max(farthest, difference(file, simulator.served, simulator))
    quick = sum(simulator.is_quick for simulator in found)
    print(f"{quick} of {len(found)} deployments have a closed form")
    print(f"step_us: {np.median(calls_us):.2f} us a call, {max(calls_us):.2f} at most (limit 10)")
    print(f"prepared in {prepared_ms:.0f} ms each, with splits that do not fit")
    print(f"largest difference to the vectorised prediction: {farthest:.1e} (limit 1e-9)")
    if found[0].queue is not None:
        queue_us, token_us = delay_calls_us(found[0])
        print(f"queue_us: {queue_us:.2f} us a call, token_us: {token_us:.2f} (limit 10)")


if __name__ == "__main__":
    main()
