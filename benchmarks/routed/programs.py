"""Program C: how fast it is solved, to which certified gap, and whether Clarabel agrees.

Instances are `instances.py`'s: a third without a cap, a third with one that loads alone meet, a
third with one for which the step must wait.
"""

import importlib.util
import time
from collections.abc import Iterator
from functools import partial

import numpy as np

from moeprof.benchmarks.on_gpu.document import Row
from moeprof.benchmarks.routed.clarabel import by_clarabel
from moeprof.benchmarks.routed.goals import at_most, beside, skipped, timed_in_turns
from moeprof.benchmarks.routed.instances import Instance, instances
from moeprof.router.expert_costs import ExpertCosts
from moeprof.router.programs.load_program import LoadPlan, LoadPrices, solve_loads
from moeprof.stats.arrays import Float64

EXPERTS = (8, 64, 128, 256)
GPUS = (8, 32)


def rows(seed: int, quick: bool) -> Iterator[Row]:
    """All of it; instances are drawn by the seed."""
    rng = np.random.default_rng(seed)
    for experts in EXPERTS[-1:] if quick else EXPERTS:
        yield from one_gpu(list(instances(rng, experts, 1, 9 if quick else 30)), experts, quick)
    for gpus in GPUS[:1] if quick else GPUS:
        yield from several_gpus(list(instances(rng, 256, gpus, 6 if quick else 30)), gpus, quick)
    yield from beside_clarabel(rng, 9 if quick else 120)
    yield identical_experts()


def solved(given: Instance, warm: LoadPlan | None = None) -> LoadPlan:
    """The answer to an instance."""
    return given.program.solve(given.shares, given.assignments, given.prices, given.cap_w, warm)


def one_gpu(batches: list[Instance], experts: int, quick: bool) -> Iterator[Row]:
    """Times from scratch and from the same answer, gaps, and what measured curves add to them."""
    turns = 20 if quick else 100
    plans = [solved(given) for given in batches]
    times_us, cpu_us = timed(batches, turns)
    again = timed(batches, turns, plans)[0]
    name = f"Program C, {experts} experts"
    goals = experts == EXPERTS[-1]
    for what, value, limit in (
        ("median", float(np.median(times_us)), 200.0),
        ("p99", float(np.quantile(times_us, 0.99)), 1000.0),
    ):
        label = f"{name}: {what} time"
        yield at_most(label, value, "us", limit) if goals else beside(label, value, "us")
    yield at_most(f"{name}: largest certified gap", max(p.gap for p in plans), "ratio", 1e-4)
    for what, part in (("median", 0.5), ("p99", 0.99)):
        alone = float(np.quantile(cpu_us, part))
        yield beside(f"{name}: {what} time of the processor alone", alone, "us")
    yield beside(f"{name}: median time from an earlier answer", float(np.median(again)), "us")
    for verdict in ("slack", "routed", "paced"):
        of_it = [plan.verdict == verdict for plan in plans]
        yield beside(f"{name}: median time, {verdict}", float(np.median(times_us[of_it])), "us")
    measured = [plan.measured_gap for plan in plans]
    yield beside(f"{name}: median gap to the measured curves", float(np.median(measured)), "ratio")


def timed(
    batches: list[Instance], turns: int, warm: list[LoadPlan] | None = None
) -> tuple[Float64, Float64]:
    """Times in us of each instance in turns [instances, turns], and those of the processor."""
    times_ns = np.zeros((2, len(batches), turns))
    for turn in range(turns):
        for at, given in enumerate(batches):
            earlier = None if warm is None else warm[at]
            started, began = time.perf_counter_ns(), time.thread_time_ns()
            solved(given, earlier)
            times_ns[:, at, turn] = (
                time.perf_counter_ns() - started, time.thread_time_ns() - began,
            )  # fmt: skip
    return times_ns[0] / 1e3, times_ns[1] / 1e3


def several_gpus(batches: list[Instance], gpus: int, quick: bool) -> Iterator[Row]:
    """Times and gaps where the slowest of several GPUs ends the step."""
    name = f"Program C, 256 experts on {gpus} GPUs"
    plans = [solved(given) for given in batches]
    times = [
        timed_in_turns({"cold": partial(solved, given)}, 3 if quick else 10)["cold"].median_us
        for given in batches
    ]
    yield at_most(f"{name}: median time", float(np.median(times)) / 1e3, "ms", 50)
    yield at_most(f"{name}: largest median time", max(times) / 1e3, "ms", 50)
    yield at_most(f"{name}: largest certified gap", max(p.gap for p in plans), "ratio", 1e-3)


def beside_clarabel(rng: np.random.Generator, count: int) -> Iterator[Row]:
    """How far our objective and Clarabel's are apart, on one GPU and on four."""
    name = "Program C beside Clarabel"
    if importlib.util.find_spec("cvxpy") is None:
        yield skipped(name, "ratio", "cvxpy is not installed: pip install cvxpy")
        return
    apart, times_s, refused = [], [], 0
    for gpus, experts in ((1, 8), (1, 64), (4, 64)):
        for given in instances(rng, experts, gpus, count // 3):
            ours = solved(given)
            started = time.perf_counter()
            theirs = by_clarabel(given, ours)
            times_s.append(time.perf_counter() - started)
            refused += theirs is None
            apart += [] if theirs is None else [abs(theirs - 1.0)]
    yield at_most(f"{name}: largest relative difference", max(apart), "ratio", 1e-6)
    yield beside(f"{name}: instances compared", len(apart), "")
    yield beside(f"{name}: instances that Clarabel gave up", refused, "")
    yield beside(f"{name}: Clarabel's median time", 1e3 * float(np.median(times_s)), "ms")


def identical_experts() -> Row:
    """The largest bias of experts that are the same and cost the same per row."""
    row = np.array([0.0, 1.1e-5, 1.3e-5, 2.5e-5])
    costs = ExpertCosts(
        np.array([0.0, 1.0, 3.0, 15.0]), np.tile(row, (64, 1)), np.tile(90 * row, (64, 1)), 110.0,
        np.zeros(64, dtype=np.int64),
    )  # fmt: skip
    plan = solve_loads(costs, np.arange(64.0), 400.0, LoadPrices(1e-6, 50.0), 250.0)
    name = "Program C, identical experts of linear cost: largest bias"
    return at_most(name, float(np.abs(plan.bias).max()), "nats", 0)
