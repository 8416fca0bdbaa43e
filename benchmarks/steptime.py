"""How well steps of whole models are predicted that no fit saw, beside what peers predict.

    python benchmarks/steptime.py --data DIR [--held DIR | --folds] [--quick] [--json FILE]

DIR holds serving_rows.parquet, models.csv and peer_aiconfigurator_0.12.csv: public results of
serving, tidied. Each of five seeds deals 70 % of the configurations to the fit, which chooses its
hyperparameters there, and scores the rows of the others: by that fit, or by one per model, GPU or
number of GPUs that is left out. --held takes the rows of another folder as those to score; --folds
scores all rows by ten grouped folds, whose hyperparameters were chosen on all rows. Errors are
|predicted / measured - 1|, median / 90th percentile, in percent. Beside ours stand the roofline,
the three-coefficient blackbox, SRFA as documented, and aiconfigurator on the rows it answered.
"""

import argparse
import csv
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".path"))

from moeprof.benchmarks.serving.energy import energy
from moeprof.benchmarks.serving.intervals import (
    coverage,
    coverage_of_energy,
    coverage_of_unseen,
)
from moeprof.benchmarks.serving.own_points import own_points
from moeprof.benchmarks.serving.synthetic import recovery, recovery_of_srfa, speed
from moeprof.benchmarks.serving.trial import Error, Trial, error, read_trial, seeds_error
from moeprof.costmodel.steptime.features.steps import Array
from moeprof.costmodel.steptime.fit.blackbox import fit_blackbox
from moeprof.costmodel.steptime.fit.folds import Fit
from moeprof.costmodel.steptime.fit.srfa import choose_ridges, fit_with
from moeprof.costmodel.steptime.fit.step_model import fit_tied
from moeprof.costmodel.steptime.fit.ties import choose_ties
from moeprof.costmodel.steptime.roofline import roofline_us
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows, columns_of

# Median and p90 that must be reached, and those that are the goal, in percent.
LIMITS = {
    "unseen configurations": ((13.5, 36.0), (11.0, 30.0)),
    "1 own point": ((8.5, 31.0), (7.0, 25.0)),
    "3 own points": ((6.2, 25.0), (5.0, 18.0)),
    "leave one model out": ((18.5, 45.0), (15.0, 40.0)),
    "leave one GPU out": ((15.0, 46.0), (12.0, 38.0)),
    "leave one GPU count out": ((13.5, 37.0), (11.0, 32.0)),
    "MoE from dense alone": ((23.0, 50.0), (18.0, 42.0)),
    "rows of aiconfigurator": ((19.0, 53.0), (10.0, 30.0)),
    "rows of aiconfigurator, H100": (None, (8.6, np.inf)),
    "power at measured time": ((10.5, 33.0), (8.0, 25.0)),
    "J/token at predicted time": ((15.0, 44.0), (11.0, 33.0)),
}
COVERAGE = ((86.0, 94.0), (88.0, 92.0))
SPEED = {"fit_s": ("s", 60.0), "predict_us_per_row": ("us", 50.0)}
SEEDS = 5
PEER = "peer_aiconfigurator_0.12.csv"


@dataclass(frozen=True)
class Goal:
    """A value that must lie in `least` to `most`."""

    name: str
    value: float
    unit: str
    most: float
    least: float = 0.0

    @property
    def met(self) -> bool:
        """Whether it does."""
        return self.least <= self.value <= self.most


Lines = dict[str, dict[str, Error]]


def accuracy(trial: Trial, ours: Fit) -> tuple[Lines, Array]:
    """Errors by line of the table and by method, and our predictions of unseen configurations."""
    rows, ridges = trial.scored, choose_ridges(trial.training, trial.seed)
    splits = {
        "unseen configurations": None,
        "leave one model out": lambda some: some.models,
        "leave one GPU out": lambda some: some.gpu_names,
        "leave one GPU count out": lambda some: some.gpus,
    }
    methods = {"ours": ours, "blackbox": fit_blackbox, "SRFA": fit_with(ridges)}
    roofline = error(roofline_us(columns_of(rows)), rows.step_us)
    lines: Lines = {}
    whole = np.zeros(len(rows))
    for name, labels in splits.items():
        found = {method: trial.predicted(fit, labels) for method, fit in methods.items()}
        lines[name] = {method: error(one, rows.step_us) for method, one in found.items()}
        lines[name]["roofline"] = roofline
        whole = found["ours"] if labels is None else whole
    lines["MoE from dense alone"] = _from_dense(trial, methods)
    for points, beside in own_points(trial, whole, ours).items():
        lines[f"{points} own point{'s' * (points > 1)}"] = beside
    return lines, whole


def _from_dense(trial: Trial, methods: dict[str, Any]) -> dict[str, Error]:
    dense = trial.training.taken(np.flatnonzero(~trial.training.has_experts))
    routed = trial.scored.taken(np.flatnonzero(trial.scored.has_experts))
    found = {name: fit(dense)(routed) for name, fit in methods.items()}
    found["roofline"] = roofline_us(columns_of(routed))
    return {name: error(one, routed.step_us) for name, one in found.items()}


def beside_aiconfigurator(peer: Path, rows: ServingRows, whole: Array) -> Iterator[Any]:
    """Errors on the rows that aiconfigurator answered: all, and by GPU."""
    with peer.open(encoding="utf-8") as lines:
        theirs = {row["row_id"]: float(row["aic_us"]) for row in csv.DictReader(lines)}
    at = np.flatnonzero(np.isin(rows.name, list(theirs)))
    aic = np.asarray([theirs[str(name)] for name in rows.name[at]])
    measured, ours, gpus = rows.step_us[at], whole[at], rows.gpu_names[at]
    for gpu in ("", *np.unique(gpus)):
        some = (gpus == gpu) | (gpu == "")
        found = {"ours": ours[some], "aiconfigurator": aic[some]}
        name = f"rows of aiconfigurator{', ' if gpu else ''}{gpu}"
        yield name, {method: error(one, measured[some]) for method, one in found.items()}


def goals_of(lines: Lines, shares: dict[str, float], more: dict[str, float]) -> Iterator[Goal]:
    """What must be reached, and what is the goal, of every line."""
    for name, limits in LIMITS.items():
        for level, limit in zip(("must", "goal"), limits, strict=True):
            if name in lines and limit is not None:
                median, p90 = limit
                ours = lines[name]["ours"]
                yield Goal(f"{name}, median: {level}", ours.median_pct, "%", median)
                if np.isfinite(p90):
                    yield Goal(f"{name}, p90: {level}", ours.p90_pct, "%", p90)
    for kind, share in shares.items():
        for level, (least, most) in zip(("must", "goal"), COVERAGE, strict=True):
            yield Goal(f"90 % intervals hold, {kind}: {level}", share, "%", most, least)
    for name, value in more.items():
        unit, most = SPEED.get(name, ("%", 2.0))
        yield Goal(name if name in SPEED else f"synthetic, {name}", value, unit, most)


def show(lines: Lines, goals: list[Goal]) -> None:
    """Print the table and the goals."""
    for name, methods in lines.items():
        cells = [f"{m} {e.median_pct:.1f} / {e.p90_pct:.1f}" for m, e in methods.items()]
        print(f"{name} ({methods['ours'].rows} rows): {', '.join(cells)}")
    for goal in goals:
        print(f"{'met   ' if goal.met else 'MISSED'} {goal.name}: {goal.value:.4g} {goal.unit} "
              f"({goal.least:g} to {goal.most:g})")  # fmt: skip


def one_seed(args: argparse.Namespace, data: Path, seed: int) -> dict[str, Any]:
    """Everything that a seed changes."""
    trial, refused = read_trial(data, args.held, seed)
    if not (args.held or args.folds):
        trial = trial.split()
    ties = choose_ties(trial.training, seed)
    ours = fit_tied(ties)
    lines, whole = accuracy(trial, ours)
    if (peer := (args.held or data) / PEER).exists():
        lines |= dict(beside_aiconfigurator(peer, trial.scored, whole))
    powers, trend = energy(trial, whole)
    lines |= {name: {"ours": one} for name, one in powers.items()}
    share, factor = coverage(trial, whole, ours)
    more = recovery(trial.training, seed) | recovery_of_srfa(trial.training, seed)
    more |= speed(trial.training)
    unseen = coverage_of_unseen(trial, ours)
    held = coverage_of_energy(trial, whole, ours) if trial.held else {}
    return {"lines": lines, "coverage": share, "unseen": unseen, "factor": factor, "held": held,
            "more": more, "trend": trend, "ties": asdict(ties),
            "refused": asdict(refused), "rows": len(trial.training)}  # fmt: skip


def together(seeds: list[dict[str, Any]]) -> tuple[Lines, dict[str, float], dict[str, float]]:
    """The mean over seeds."""
    first = seeds[0]
    lines = {
        name: {m: seeds_error(seed["lines"][name][m] for seed in seeds) for m in methods}
        for name, methods in first["lines"].items()
    }
    more = {name: float(np.mean([seed["more"][name] for seed in seeds])) for name in first["more"]}
    shares = {"unseen configuration": float(np.mean([seed["coverage"] for seed in seeds]))}
    for kind in first["held"]:
        shares[kind] = float(np.mean([seed["held"][kind] for seed in seeds]))
    for kind in first["unseen"]:
        shares[f"unseen {kind}"] = float(np.mean([seed["unseen"][kind] for seed in seeds]))
    return lines, shares, more


def _arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--quick", action="store_true", help="one seed")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--data", type=Path)
    scored = words.add_mutually_exclusive_group()
    scored.add_argument("--held", type=Path, help="a folder of rows of the same form, to score")
    scored.add_argument("--folds", action="store_true", help="score all rows by grouped folds")
    words.add_argument("--json", type=Path)
    return words.parse_args()


def main() -> None:
    """Run it."""
    args = _arguments()
    home = os.environ.get("MOEPROF_SAMPLE_DATA")
    if args.data is None and home is None:
        sys.exit("give --data DIR, or set MOEPROF_SAMPLE_DATA")
    data = args.data or Path(str(home)) / "serving"
    started = time.perf_counter()
    count = 1 if args.quick or args.held else SEEDS
    seeds = [one_seed(args, data, seed) for seed in range(args.seed, args.seed + count)]
    lines, shares, more = together(seeds)
    goals = list(goals_of(lines, shares, more))
    show(lines, goals)
    chosen = ("trend", "factor", "ties", "held", "unseen")
    print(json.dumps([{name: seed[name] for name in chosen} for seed in seeds]))
    print(json.dumps(seeds[0]["refused"]))
    load, took_s = os.getloadavg()[0], time.perf_counter() - started
    met = sum(goal.met for goal in goals)
    print(f"{met} of {len(goals)} goals met; {took_s:.0f} s; load {load:.1f}")
    if args.json:
        body = {
            "benchmark": "steptime",
            "machine": platform.processor() or platform.machine(),
            "cpus": os.cpu_count(),
            "load": load,
            "versions": {"python": platform.python_version(), "numpy": np.__version__},
            "seed": args.seed,
            "lines": {n: {m: asdict(e) for m, e in one.items()} for n, one in lines.items()},
            "goals": [{"name": g.name, "value": g.value, "unit": g.unit,
                       "goal": g.most, "met": g.met} for g in goals],
        }  # fmt: skip
        args.json.write_text(json.dumps(body, indent=1) + "\n")


if __name__ == "__main__":
    main()
