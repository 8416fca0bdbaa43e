"""How often a verdict fails a good model, or passes a bad one.

    python benchmarks/verdicts.py [--quick] [--seed N] [--data DIR] [--json FILE]

`--data` holds tables as benchmarks/costmodel.py reads them; without it, $MOEPROF_SAMPLE_DATA/ops.
Of each curve up to 512 tokens two sizes up to 8 are held out, three from 9 to 64 and three above;
24 of the others are measured as a sweep would and fitted as `build-model` does. The held-out sizes
are measured twice, on three machines: with normal noise, and with readings that are 20 to 60 % too
slow. A model is good where, without noise, its errors at all sizes of the table are within the
limits. Then errors are planted: predictions are multiplied at some sizes. Beside each outcome is
that by the median over all sizes alone.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".path"))

from moeprof.benchmarks.held_out.trials import (
    Curve,
    arrays,
    by_family,
    read_curves,
    tables_folder,
)
from moeprof.compare.accuracy import judge
from moeprof.compare.held import Held
from moeprof.compare.limits import limits_from
from moeprof.costmodel.curve.fit import choose_fit, fit_losses, interpolate
from moeprof.costmodel.curve.next_size import simulate_sampling
from moeprof.stats.size_bands import BANDS
from moeprof.store.cost_model import Domain
from moeprof.store.verdicts.parts import HoldoutPoint, Outcome

LIMIT = 0.03
HELD_OUT = (2, 3, 3)  # sizes of each band
# Standard deviation of a reading, relative, and the share of readings in a slow moment.
MACHINES = {"quiet": (0.005, 0.0), "usual": (0.02, 0.02), "busy": (0.06, 0.05)}
# Factors on the predictions by (sizes, the held-out size that alone is changed).
PLANTED: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "60 % too fast up to 16": lambda m, _: np.where(m <= 16, 0.4, 1.0),
    "40 % too slow up to 8": lambda m, _: np.where(m <= 8, 1.4, 1.0),
    "60 % too fast at one held-out size": lambda m, one: np.where(m == one, 0.4, 1.0),
    "15 % too fast from 65 on": lambda m, _: np.where(m >= 65, 0.85, 1.0),
    "40 % too slow from 65 on": lambda m, _: np.where(m >= 65, 1.4, 1.0),
    "8.5 % too fast throughout": lambda m, _: np.full(len(m), 0.915),
}


@dataclass(frozen=True)
class Trial:
    """One fitted curve: held-out sizes with truth and prediction, and whether it is good."""

    domain: Domain
    m: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    good: bool


def trials(curves: list[Curve], rng: np.random.Generator, cap: int) -> Iterator[Trial]:
    """Fit at most `cap` curves of each family together, with sizes held out."""
    for (_, _, family), members in by_family(curves).items():
        some = [members[i] for i in rng.permutation(len(members))[:cap]]
        drawn = [(one, held) for one in some if (held := _draw(one, rng)) is not None]
        if family == "moe" or not drawn:
            continue
        known = [arrays(_chosen(one, held)) for one, held in drawn]
        losses = [fit_losses(*one) for one in known]
        for (one, held), (x, y), own in zip(drawn, known, losses, strict=True):
            inner = (one.m >= x[0]) & (one.m <= x[-1])
            m, t = one.m[inner], one.t[inner]
            predicted = interpolate(choose_fit(own, losses), x, y, m)
            unseen = ~np.isin(m, x)
            ratios = np.maximum(predicted / t, t / predicted)
            good = _good(m[unseen], ratios[unseen] - 1)
            at = np.isin(m, held)
            yield Trial(Domain(int(x[0]), int(x[-1])), m[at], t[at], predicted[at], good)


def _draw(curve: Curve, rng: np.random.Generator) -> np.ndarray | None:
    """Sizes to hold out; None where a band has too few."""
    inner = curve.m[curve.m <= 512][1:-1]
    of_band = [inner[[int(size) in band for size in inner]] for band in BANDS]
    if any(len(sizes) <= n for sizes, n in zip(of_band, HELD_OUT, strict=True)):
        return None
    drawn = zip(of_band, HELD_OUT, strict=True)
    return np.concatenate([rng.choice(sizes, n, replace=False) for sizes, n in drawn])


def _chosen(curve: Curve, held: np.ndarray) -> dict[int, float]:
    keep = (curve.m <= 512) & ~np.isin(curve.m, held)
    rest = dict(zip(curve.m[keep].tolist(), curve.t[keep].tolist(), strict=True))
    return simulate_sampling(rest, 24)


def _good(m: np.ndarray, errors: np.ndarray) -> bool:
    """Whether the errors at all unseen sizes are within every limit."""
    limits = limits_from(LIMIT)
    bands = [errors[[int(size) in band for size in m]] for band in BANDS]
    return bool(
        np.median(errors) <= limits.median
        and all(np.median(own) <= limits.band for own in bands if len(own))
        and np.quantile(errors, 0.95) <= limits.p95
        and errors.max() <= limits.worst
    )


def judged(
    trial: Trial, factor: np.ndarray, machine: str, rng: np.random.Generator
) -> tuple[Outcome, bool]:
    """Measure the held-out sizes twice, and judge the predictions times `factor`.

    Also whether the median alone passes.
    """
    noise, slow = MACHINES[machine]
    readings = trial.truth * np.exp(rng.normal(0, noise, (2, len(trial.m))))
    slowed = rng.random(readings.shape) < slow
    readings *= np.where(slowed, 1 + rng.uniform(0.2, 0.6, readings.shape), 1.0)
    repeats = readings.max(0) / readings.min(0) - 1
    measured = np.sqrt(readings.prod(0))
    rows = zip(trial.m, measured, trial.predicted * factor, repeats, strict=True)
    points = tuple(
        HoldoutPoint(int(m), float(t), float(p), None, repeat=float(r)) for m, t, p, r in rows
    )
    floor = float(np.median(repeats))
    verdict = judge(Held("curve", "op", "latency", points, floor, (), trial.domain), LIMIT)
    return verdict.outcome, verdict.median_hi is not None and verdict.median_hi <= LIMIT


Counts = dict[tuple[str, str], Counter[str]]


def simulate(curves: list[Curve], seeds: range, cap: int) -> Counts:
    """Count outcomes by what was planted and by machine; of good models alone."""
    counts: Counts = {}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for trial in trials(curves, rng, cap):
            if not trial.good:
                continue
            one = int(rng.choice(trial.m))
            factors = {"nothing": np.ones(len(trial.m))}
            factors |= {name: plant(trial.m, one) for name, plant in PLANTED.items()}
            for name, factor in factors.items():
                for machine in MACHINES:
                    outcome, by_median = judged(trial, factor, machine, rng)
                    counted = counts.setdefault((name, machine), Counter())
                    counted.update([outcome, *(["by median"] if by_median else [])])
    return counts


def total(counted: Counter[str]) -> int:
    """Number of verdicts."""
    return sum(counted[outcome] for outcome in Outcome)


def goals_of(counts: Counts) -> Iterator[dict[str, object]]:
    """The goals: good models do not fail, and planted errors do not pass."""
    for (name, machine), counted in counts.items():
        wrong, what = (
            (Outcome.FAIL, "good models that fail")
            if name == "nothing"
            else (Outcome.PASS, f"{name}: missed")
        )
        share = counted[wrong] / total(counted)
        yield {
            "name": f"{what}, {machine} machine",
            "value": round(share, 4),
            "unit": "",
            "goal": 0.01,
            "met": share <= 0.01,
        }


def main() -> None:
    """Run it."""
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--quick", action="store_true", help="two seeds, 12 curves of a family")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--data", type=Path)
    words.add_argument("--json", type=Path)
    args = words.parse_args()
    folder = tables_folder(args.data)
    seeds = range(args.seed, args.seed + (2 if args.quick else 10))
    counts = simulate(list(read_curves(folder)), seeds, 12 if args.quick else 40)
    for (name, machine), counted in counts.items():
        whole = total(counted)
        shares = ", ".join(f"{one} {100 * counted[one] / whole:.1f} %" for one in Outcome)
        by_median = f"the median alone passes {100 * counted['by median'] / whole:.1f} %"
        print(f"{name}, {machine}, {whole} verdicts: {shares}; {by_median}")
    goals = list(goals_of(counts))
    for goal in goals:
        print(f"{'met   ' if goal['met'] else 'MISSED'} {goal['name']}: {goal['value']}")
    if args.json is not None:
        args.json.write_text(json.dumps({"seed": args.seed, "goals": goals}, indent=2) + "\n")


if __name__ == "__main__":
    main()
