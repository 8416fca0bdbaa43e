"""How well the cost model predicts what it was not given, beside the methods that peers use.

    python benchmarks/costmodel.py [--quick] [--seed N] [--data DIR] [--json FILE] [--peers DIR]

`--data` holds tidy tables (Parquet: gpu, family, op, key, m, t_us; optionally version, dtype,
dtype_bytes, N, K, elems_per_row, power_w; activated_experts and topk for a MoE). Without it,
$MOEPROF_SAMPLE_DATA/ops. Three goals hold for every family of every table: its p95 is not above
linear's, its median at most 1.1 times linear's, and its p95 at most 1.6 times what the same fit
reaches with every unreserved point. The goals of the intervals are asked of any table too, with its
own noise and with noise added to each operation. The others are those of the sample tables.

A quarter of each curve's sizes is reserved before any design sees them. Ours measures as a sweep
would and fits as `build-model` does. Each peer method gets the very points that ours chose, and
linear also as many random ones. Errors are |predicted / measured - 1| on the reserved sizes: median
and 95th percentile of a curve, and of those the median over curves and seeds.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".path"))

from moeprof.benchmarks.held_out.claims import extrapolation, gates, moe
from moeprof.benchmarks.held_out.intervals import MOST_UNEQUAL_NOISE, Sharpness, sharpness
from moeprof.benchmarks.held_out.methods import predictions
from moeprof.benchmarks.held_out.peers import peers_at
from moeprof.benchmarks.held_out.speed import speed
from moeprof.benchmarks.held_out.trials import (
    SETTINGS,
    Curve,
    by_family,
    read_curves,
    repeat_noise,
    tables_folder,
    trial,
)

MIN_CURVES = 3  # a family with fewer has no goals
RESOLUTION = 0.005  # no table repeats better: smaller errors count as this one
# Median and p95 on the sample tables, by family and number of points.
SAMPLE_LIMITS = {
    ("gemm", 24): (0.010, 0.05),
    ("gemm", 64): (0.011, 0.05),
    ("pointwise", 24): (0.015, 0.06),
    ("pointwise", 64): (0.015, 0.06),
}
OWN_NOISE, UNEQUAL_NOISE = "the tables' own noise", "operations of unequal noise"
SCORE_LIMITS = {OWN_NOISE: 1.35, UNEQUAL_NOISE: 1.25}
INTERVALS_PCT = (50, 80, 95)
SPEED_LIMITS = {
    "get_cost_ns": 150.0,
    "get_costs_2048_us": 10.0,
    "load_ms": 50.0,
    "first_look_up_ms": 250.0,
    "build_s": 1.0,
    "file_kb": 150.0,
}


@dataclass(frozen=True)
class Goal:
    """A value that may be `limit` at most."""

    name: str
    value: float
    unit: str
    limit: float

    @property
    def met(self) -> bool:
        """Whether it is."""
        return self.value <= self.limit


Rows = list[dict[str, Any]]


def accuracy(curves: list[Curve], seeds: range, cap: int, peers: Path | None) -> Iterator[Rows]:
    """Median errors by method, for each table, GPU, family and range, of at most `cap` curves."""
    for (table, gpu, family), members in by_family(curves).items():
        for most, points in SETTINGS:
            errors: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
            count = 0
            for seed in seeds:
                rng = np.random.default_rng(seed)
                some = [members[i] for i in rng.permutation(len(members))[:cap]]
                drawn = (trial(curve, most + 1, points, rng) for curve in some)
                trials = [one for one in drawn if one is not None]
                count = max(count, len(trials))
                predicted = predictions(trials, rng, peers if seed == seeds[0] and trials else None)
                for name, values in predicted.items():
                    for one, value in zip(trials, values, strict=True):
                        if value is not None:
                            off = np.abs(value / one.truth - 1)
                            pair = float(np.median(off)), float(np.quantile(off, 0.95))
                            errors[name].append(pair)
            group = {"table": table, "gpu": gpu, "family": family, "points": points}
            yield [
                group | {"curves": count, "method": name, "median": median, "p95": p95}
                for name, pairs in errors.items()
                for median, p95 in [np.median(pairs, axis=0).tolist()]
            ]


def accuracy_goals(
    groups: Iterable[Rows], noise: dict[tuple[str, str, str], tuple[float, float]], sample: bool
) -> Iterator[Goal]:
    """The goals of each family that has enough curves."""
    for rows in groups:
        first = rows[0]
        gpu, family, points = first["gpu"], first["family"], first["points"]
        of = {row["method"]: row for row in rows}
        if first["curves"] < MIN_CURVES:
            continue
        name = f"{first['table']} {gpu} {family}, {points} points"
        ours, linear, whole = of["ours"], of["linear"], of["ours, every point"]
        yield Goal(f"{name}: median to linear's", _ratio(ours, linear, "median"), "", 1.1)
        yield Goal(f"{name}: p95 to linear's", _ratio(ours, linear, "p95"), "", 1.0)
        to_whole = max(ours["p95"], RESOLUTION) / max(whole["p95"], RESOLUTION)
        yield Goal(f"{name}: p95 to that of every point", round(to_whole, 3), "", 1.6)
        limits = SAMPLE_LIMITS.get(("gemm" if family == "gemm" else "pointwise", points))
        if not sample or limits is None or family == "moe":
            continue
        # What two runs of one point differ by is no fault of a fit to one of them.
        floors = noise.get((first["table"], gpu, family), (0.0, 0.0))
        for what, limit, floor in zip(("median", "p95"), limits, floors, strict=True):
            note = f" (repeats differ by {floor:.1%})" if 1.2 * floor > limit else ""
            yield Goal(f"{name}{note}: {what}", ours[what], "", max(limit, 1.2 * floor))


def _ratio(one: dict[str, Any], other: dict[str, Any], what: str) -> float:
    """Quotient of two errors, to which a millionth is added: both may be zero."""
    return round(float(one[what] + 1e-6) / float(other[what] + 1e-6), 3)


def interval_goals(found: dict[str, dict[int, Sharpness]]) -> Iterator[Goal]:
    """The goals of the intervals, by the noise of the tables; of any table."""
    for noise, by_coverage in found.items():
        for percent in INTERVALS_PCT:
            if percent in by_coverage:
                one, name = by_coverage[percent], f"{percent} % intervals, {noise}"
                yield Goal(f"{name}: score to the oracle's", one.to_oracle, "", SCORE_LIMITS[noise])
                off = abs(one.coverage - percent / 100)
                yield Goal(f"{name}: coverage, distance from nominal", off, "", 0.03)
        if 95 in by_coverage:
            name = f"95 % intervals, {noise}: curves below 85 %"
            yield Goal(name, by_coverage[95].uncovered, "", 0.07)


def claim_goals(folder: Path, beyond: dict[int, float]) -> Iterator[Goal]:
    """The goals of the sample tables: MoE over active experts, beyond the domain."""
    for name, median, p95 in moe(folder):
        yield Goal(f"MoE {name}: left-out median", median, "", 0.045)
        yield Goal(f"MoE {name}: left-out p95", p95, "", 0.16)
    for factor, error in beyond.items():
        yield Goal(f"extrapolation {factor}x: median", error, "", {2: 0.04, 4: 0.07}[factor])


def show(groups: Iterable[Rows], goals: list[Goal]) -> None:
    """Print the table and the goals."""
    for rows in groups:
        first = rows[0]
        head = (first["table"], first["gpu"], first["family"], first["points"])
        print(f"{' '.join(map(str, head))} points ({first['curves']} curves), median / p95 in %:")
        cells = [f"{r['method']} {100 * r['median']:.2f} / {100 * r['p95']:.1f}" for r in rows]
        print("  " + ", ".join(cells))
    for goal in goals:
        print(f"{'met   ' if goal.met else 'MISSED'} {goal.name}: {goal.value:.4g} "
              f"(at most {goal.limit:.4g})")  # fmt: skip


def _arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--quick", action="store_true", help="two seeds, 12 curves, no peers made")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--data", type=Path)
    words.add_argument("--json", type=Path)
    words.add_argument("--peers", type=Path, help="their virtual environment; made if left out")
    return words.parse_args()


def main() -> None:
    """Run it."""
    args = _arguments()
    home = os.environ.get("MOEPROF_SAMPLE_DATA")
    samples = None if home is None else Path(home) / "ops"
    folder = tables_folder(args.data)
    sample = samples is not None and folder.resolve() == samples.resolve()
    started = time.perf_counter()
    peers = None if args.quick and args.peers is None else peers_at(args.peers)
    seeds = range(args.seed, args.seed + (2 if args.quick else 5))
    curves = list(read_curves(folder))
    groups = [rows for rows in accuracy(curves, seeds, 12 if args.quick else 60, peers) if rows]
    goals = list(accuracy_goals(groups, repeat_noise(folder), sample))
    beyond = extrapolation(curves)
    if sample:
        goals += claim_goals(folder, beyond)
    noises = {OWN_NOISE: 0.0, UNEQUAL_NOISE: MOST_UNEQUAL_NOISE}
    ten = range(args.seed, args.seed + 10)  # in seconds, and fewer tell little of the coverage
    sharp = {name: sharpness(curves, ten, most) for name, most in noises.items()}
    goals += interval_goals(sharp)
    times = speed(peers)
    goals += [Goal(n, times[n], n.rsplit("_", 1)[1], limit) for n, limit in SPEED_LIMITS.items()]
    show(groups, goals)
    intervals = {
        name: {percent: asdict(one) for percent, one in found.items()}
        for name, found in sharp.items()
    }
    more = {"extrapolation": beyond, "intervals": intervals}
    more |= {"gates": [*gates(folder)], "speed": times}
    print(json.dumps(more, indent=1))
    load, took_s = os.getloadavg()[0], time.perf_counter() - started
    met = sum(goal.met for goal in goals)
    print(f"{met} of {len(goals)} goals met; {took_s:.0f} s; load {load:.1f}")
    if args.json:
        listed = [{"name": g.name, "value": g.value, "unit": g.unit, "goal": g.limit, "met": g.met}
                  for g in goals]  # fmt: skip
        body = {
            "benchmark": "costmodel",
            "machine": platform.processor() or platform.machine(),
            "cpus": os.cpu_count(),
            "load": load,
            "versions": {"python": platform.python_version(), "numpy": np.__version__},
            "seed": args.seed,
            "rows": [row for rows in groups for row in rows],
            **more,
            "goals": listed,
        }
        args.json.write_text(json.dumps(body, indent=1) + "\n")


if __name__ == "__main__":
    main()
