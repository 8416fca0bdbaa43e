"""Whether a sweep gives the same curves while the machine's speed changes as while it does not.

    python benchmarks/sampling.py [--quick] [--seed N] [--data DIR] [--json FILE]

`--data` holds tidy tables (Parquet: gpu, family, op, key, m, t_us). Without it,
$MOEPROF_SAMPLE_DATA/ops. Each sweep measures some curves of one table, to 512 tokens, on a
simulated clock: the plan, the sweep, its schedules, the parser and the fit are the real ones. It
runs twice with the same seed: on a quiet machine, and with 1 or 2 slow episodes (20 to 60 % slower,
10 to 30 % of the time), a drift of 5 % and calls in two modes, which the reference feels as well.
The true time is that of the curve at the mean speed of the sweep, without the episodes.

The error of a sweep is the median of |predicted / true - 1| over the sizes that are no knots. A
point is off where it is more than 10 % from the truth, and marked where it has a flag, or its
repeats do not agree.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".path"))

from moeprof.benchmarks.disturbed.machine import (
    Clock,
    Disturbance,
    Silent,
    SimulatedCollector,
    disturbance,
)
from moeprof.benchmarks.held_out.trials import RESOLVED_US, Curve, read_curves, tables_folder
from moeprof.costmodel.build import build_model
from moeprof.costmodel.model import KernelCostModel
from moeprof.parsers.calls import cpu_calls
from moeprof.parsers.points import points_table
from moeprof.profiler.sweep import Sweep
from moeprof.scenarios.catalogue import LoadedOp
from moeprof.scenarios.operation import Operation
from moeprof.scenarios.plan import ResolvedRun, make_plan
from moeprof.scenarios.preset import Preset, load_preset
from moeprof.scenarios.run_options import RunOptions
from moeprof.store.provenance import Provenance
from moeprof.store.run import Run

SWEEPS = 100
QUICK_SWEEPS = 12
CURVES = 4  # in a sweep, measured in turn
MOST_TOKENS = 512
MIN_SIZES = 40
LONGEST_SCALE = 30.0  # curves are made slower by up to this, so that some points have few calls
LONGER = 1.2  # a disturbed sweep takes about so many times as long
OFF = 0.10
# Mean of the sweeps of seed 0 in the design before: one visit, doubtful sizes again (README.md).
ONE_VISIT_CALLS = 57_886
PROVENANCE = Provenance(
    "cpu", "simulated", None, "simulated", 2, 1, None, {}, None, None, "0" * 12,
    "2026-01-01T00:00:00Z",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What one sweep came to: errors by curve, points off and unmarked, marked points, calls.

    `covered` is the share of sizes whose true time lies within the model's interval of 95 %, and
    `half_width` the median of that interval's |log| half width.
    """

    errors: list[float]
    covered: float
    half_width: float
    hidden: int
    marked: int
    points: int
    calls: int
    length_s: float


def operation(place: int, curve: Curve) -> Operation:
    """An operation that a plan can be made of; its times come from the curve."""
    fixed = 1000 if curve.family == "gemm" else 0

    def make_inputs(take: Any, tokens: int) -> tuple[Any, ...]:
        raise NotImplementedError

    def run(*inputs: Any) -> object:
        raise NotImplementedError

    def flops(tokens: int, preset: Preset) -> int:
        return tokens

    def bytes_moved(tokens: int, preset: Preset, dtype_bytes: int) -> int:
        return fixed + tokens

    return Operation(
        name=f"op{place}",
        make_inputs=make_inputs,
        run=run,
        flops=flops,
        bytes_moved=bytes_moved,
    )


def measured(
    drawn: list[tuple[Curve, float]], seed: int, disturbed: Disturbance, folder: Path
) -> Outcome:
    """Sweep curves, each slower by its factor, on a machine; compare what comes out with them."""
    preset = load_preset("small")
    ops = tuple(LoadedOp(operation(place, curve)) for place, (curve, _) in enumerate(drawn))
    sizes = {int(m) for curve, _ in drawn for m in curve.m if m <= MOST_TOKENS}
    common = tuple(sorted(sizes.intersection(*({*curve.m.tolist()} for curve, _ in drawn))))
    resolved = ResolvedRun(
        run_id="run", device="cpu", collectors=("cpu",), preset=preset, ops=ops,
        batch_sizes=common, power_reason="simulated",
    )  # fmt: skip
    plan = make_plan(RunOptions(seed=seed), resolved)
    times_us = {
        op.op: dict(zip(curve.m.tolist(), (scale * curve.t).tolist(), strict=True))
        for op, (curve, scale) in zip(plan.ops, drawn, strict=True)
    }
    run, clock = Run(folder), Clock()
    collector = SimulatedCollector(clock, times_us, disturbed, np.random.default_rng(seed))
    scenarios = {
        one.operation.name: (
            lambda tokens, one=one: one.operation.scenario(preset, tokens, plan.dtype, plan.l2)
        )
        for one in ops
    }
    Sweep(
        run, plan, PROVENANCE, scenarios, {"cpu": collector}, Silent(), clock=clock
    ).measure()  # fmt: skip
    recordings = [recording for _, recording in run.recordings()]
    calls = pa.concat_tables([cpu_calls(recording) for recording in recordings])
    points = points_table(calls, recordings, plan)
    factor = disturbed.median_factor * disturbed.mean_drift(clock.now_s)
    truth = {
        op: {size: time_us * factor for size, time_us in curve.items()}
        for op, curve in times_us.items()
    }
    rows = points.to_pylist()
    off = [abs(row["latency_us"] / truth[row["op"]][row["tokens"]] - 1) > OFF for row in rows]
    marked = [is_marked(row) for row in rows]
    hidden = sum(far and not mark for far, mark in zip(off, marked, strict=True))
    file = build_model(points, preset="small", provenance=PROVENANCE, points_sha256="0" * 64)
    model = KernelCostModel.from_file(file)
    errors, inside, halves = [], [], []
    knots = {curve.op: curve.knots_tokens for curve in file.curves}
    for op in plan.ops:
        asked = [size for size in op.domain if size not in knots[op.op]]
        costs, true_us = model.get_costs(op.op, asked), np.array([truth[op.op][m] for m in asked])
        errors.append(float(np.median(np.abs(costs.latency_us / true_us - 1))))
        inside.append((costs.latency_us_lo <= true_us) & (true_us <= costs.latency_us_hi))
        halves.append(np.log(costs.latency_us_hi / costs.latency_us_lo) / 2)
    covered, half_width = np.mean(np.concatenate(inside)), np.median(np.concatenate(halves))
    return Outcome(
        errors, float(covered), float(half_width), hidden, sum(marked), len(rows),
        collector.calls, clock.now_s,
    )  # fmt: skip


def is_marked(row: dict[str, Any]) -> bool:
    """Whether a point has a flag, or is not confirmed by a second repeat."""
    return bool(row["marks"]) or row.get("agreeing", 2) < 2


def drawn_curves(curves: list[Curve], rng: np.random.Generator) -> list[tuple[Curve, float]]:
    """Some curves of one table and GPU, and by how much each is slowed down."""
    groups: dict[tuple[str, str], list[Curve]] = {}
    for curve in curves:
        groups.setdefault((curve.table, curve.gpu), []).append(curve)
    usable = [group for group in groups.values() if len(group) >= CURVES]
    group = usable[int(rng.integers(len(usable)))]
    scales = np.exp(rng.uniform(0, np.log(LONGEST_SCALE), CURVES))
    places = rng.choice(len(group), CURVES, replace=False)
    return [(group[i], float(scale)) for i, scale in zip(places, scales, strict=True)]


def is_usable(curve: Curve) -> bool:
    """Whether a curve has enough sizes, in times that its clock resolves."""
    inside = curve.m <= MOST_TOKENS
    return int(inside.sum()) >= MIN_SIZES and curve.t.min() >= RESOLVED_US / 4


def pairs(curves: list[Curve], seeds: range) -> tuple[list[Outcome], list[Outcome]]:
    """Each sweep on a quiet machine, and on a disturbed one."""
    quiet, busy = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            rng = np.random.default_rng(seed)
            drawn = drawn_curves(curves, rng)
            still = measured(drawn, seed, Disturbance(), Path(folder) / f"{seed}-quiet")
            moved = disturbance(rng, LONGER * still.length_s)
            quiet.append(still)
            busy.append(measured(drawn, seed, moved, Path(folder) / f"{seed}-busy"))
    return quiet, busy


def summary(quiet: list[Outcome], busy: list[Outcome]) -> dict[str, float]:
    """The numbers of some pairs of sweeps."""
    still_errors, moved_errors = (
        [e for one in sweeps for e in one.errors] for sweeps in (quiet, busy)
    )
    still, moved = float(np.median(still_errors)), float(np.median(moved_errors))
    return {
        "median_error_quiet": still,
        "median_error_disturbed": moved,
        "p95_error_quiet": float(np.quantile(still_errors, 0.95)),
        "p95_error_disturbed": float(np.quantile(moved_errors, 0.95)),
        "ratio": moved / still,
        "honest_sweeps": float(np.mean([one.hidden == 0 for one in busy])),
        "honest_sweeps_quiet": float(np.mean([one.hidden == 0 for one in quiet])),
        "hidden_points": float(np.mean([one.hidden for one in busy])),
        "marked_quiet": sum(one.marked for one in quiet) / sum(one.points for one in quiet),
        "marked_disturbed": sum(one.marked for one in busy) / sum(one.points for one in busy),
        "coverage_quiet": float(np.mean([one.covered for one in quiet])),
        "coverage_disturbed": float(np.mean([one.covered for one in busy])),
        "half_width_quiet": float(np.median([one.half_width for one in quiet])),
        "half_width_disturbed": float(np.median([one.half_width for one in busy])),
        "calls_quiet": float(np.mean([one.calls for one in quiet])),
        "calls_disturbed": float(np.mean([one.calls for one in busy])),
        "length_quiet_s": float(np.mean([one.length_s for one in quiet])),
        "length_disturbed_s": float(np.mean([one.length_s for one in busy])),
    }


def main() -> None:
    """Run it."""
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--quick", action="store_true", help=f"{QUICK_SWEEPS} sweeps")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--data", type=Path)
    words.add_argument("--json", type=Path)
    args = words.parse_args()
    folder = tables_folder(args.data)
    started = time.perf_counter()
    curves = [curve for curve in read_curves(folder) if is_usable(curve)]
    count = QUICK_SWEEPS if args.quick else SWEEPS
    found = summary(*pairs(curves, range(args.seed, args.seed + count)))
    goals = goals_of(found)
    for name, value in found.items():
        print(f"{name}: {value:.4g}")
    for goal in goals:
        print(f"{'met   ' if goal['met'] else 'MISSED'} {goal['name']}: {goal['value']:.4g}"
              f" ({goal['goal']})")  # fmt: skip
    took_s, load = time.perf_counter() - started, os.getloadavg()[0]
    print(f"{len(curves)} curves, {count} sweeps; {took_s:.0f} s; load {load:.1f}")
    if args.json:
        body = {
            "benchmark": "sampling",
            "machine": platform.processor() or platform.machine(),
            "cpus": os.cpu_count(),
            "load": load,
            "versions": {"python": platform.python_version(), "numpy": np.__version__},
            "seed": args.seed,
            "sweeps": count,
            **found,
            "goals": goals,
        }
        args.json.write_text(json.dumps(body, indent=1) + "\n")


def goals_of(found: dict[str, float]) -> list[dict[str, Any]]:
    """The goals: errors as on a quiet machine, no hidden point, few calls, honest intervals."""
    return [
        {"name": "median error, disturbed to quiet", "value": found["ratio"], "unit": "",
         "goal": "<= 1.5", "met": found["ratio"] <= 1.5},
        {"name": "sweeps without a point off and unmarked", "value": found["honest_sweeps"],
         "unit": "", "goal": ">= 0.98", "met": found["honest_sweeps"] >= 0.98},
        {"name": "calls of a disturbed sweep to those of one visit a size",
         "value": found["calls_disturbed"] / ONE_VISIT_CALLS, "unit": "", "goal": "<= 1",
         "met": found["calls_disturbed"] <= ONE_VISIT_CALLS},
        {"name": "intervals of 95 % of a disturbed sweep that hold the true time",
         "value": found["coverage_disturbed"], "unit": "", "goal": ">= 0.9",
         "met": found["coverage_disturbed"] >= 0.9},
    ]  # fmt: skip


if __name__ == "__main__":
    main()
