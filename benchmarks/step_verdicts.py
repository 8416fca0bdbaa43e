"""How often a verdict on steps errs, and how often its intervals hold the truth.

    python benchmarks/step_verdicts.py [--trials N] [--seed N] [--json FILE]

Predictions are made whose log errors are known: normal, with a part that all rows of a
configuration share (a standard deviation of 0.2, beside 0.12 of a row's own, before both are
scaled), and as many rows of each as a geometric distribution of mean 16 draws, 80 at most. Their
true median error is a multiple of the limit. A verdict errs where it fails what keeps to its
limits, or passes what does not.
"""

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".path"))

from moeprof.compare.steptime.clusters import Clusters
from moeprof.compare.steptime.judge import judge
from moeprof.compare.steptime.limits import limits_stated
from moeprof.compare.steptime.predicted import Predicted
from moeprof.costmodel.steptime.features.deployment import Deployment, Split, deployment
from moeprof.costmodel.steptime.features.steps import Array, Steps
from moeprof.costmodel.steptime.prediction.asked_rows import as_rows
from moeprof.stats.arrays import Int64
from moeprof.store.serving.whole_model import WholeModel

LIMIT = 0.15
CONFIGURATIONS = (6, 10, 20, 60, 200)
TIMES = (0.6, 0.8, 1.0, 1.3, 1.7)  # true median error over the limit
SHARED, OWN = 0.2, 0.12  # standard deviations of the two parts, before they are scaled
MEDIAN, P90 = 0.67449, 1.64485  # quantiles of |x| of a standard normal x
MODEL = WholeModel("a", 32, 4096, 32, 8, 128, 14336, 128256, full_layers=32)


def drawn(rng: np.random.Generator, configurations: int, sigma: float) -> tuple[Array, Int64]:
    """Log errors (n,) of standard deviation `sigma`, and the configuration of each."""
    sizes = np.minimum(rng.geometric(1 / 16, size=configurations), 80)
    place = np.repeat(np.arange(configurations), sizes)
    shared, own = rng.normal(0, SHARED, configurations)[place], rng.normal(0, OWN, len(place))
    return (shared + own) * sigma / np.hypot(SHARED, OWN), place


def coverage(configurations: int, trials: int, seed: int) -> dict[str, float]:
    """Percent of intervals that hold the true value, and that lie above it as a whole."""
    found: Counter[str] = Counter()
    for trial in range(trials):
        errors, place = drawn(np.random.default_rng([seed, trial]), configurations, 1.0)
        clusters = Clusters.of(place, trial)
        for name, share, truth in (("median", 0.5, MEDIAN), ("p90", 0.9, P90)):
            low, high = clusters.interval(clusters.quantile(np.abs(errors), share)) or (0.0, 0.0)
            found[f"{name} held"] += low <= truth <= high
            found[f"{name} above"] += low > truth
    return {name: 100 * count / trials for name, count in sorted(found.items())}


def outcomes(configurations: int, times: float, trials: int, seed: int) -> dict[str, float]:
    """Percent of each outcome where the true median error is `times` the limit."""
    sigma = times * LIMIT / MEDIAN
    found: Counter[str] = Counter(PASS=0, FAIL=0, AMBIGUOUS=0)
    for trial in range(trials):
        errors, place = drawn(np.random.default_rng([seed, trial]), configurations, sigma)
        predicted = _predicted(np.exp(errors), place, np.exp(P90 * sigma))
        found[judge(predicted, limits_stated(LIMIT)).outcome] += 1
    return {name: 100 * count / trials for name, count in found.items()}


def _predicted(ratio: Array, place: Int64, factor: float) -> Predicted:
    """Predictions of steps of 10 ms that are off by `ratio`, with intervals that hold 90 %."""
    count, whole = len(ratio), int(place.max()) + 1
    rows = as_rows(_served("e0"), Steps.decode(np.ones(count), np.full(count, 500.0)))
    rows = replace(rows, deployments=tuple(_served(f"e{at}") for at in range(whole)), which=place)
    measured = np.full(count, 10.0)
    return Predicted(
        quantity="mean step",
        unit="ms",
        rows=rows,
        predicted=measured * ratio,
        measured=measured,
        factor=np.full(count, factor),
        baselines={"roofline": measured * ratio / 3},
    )


def _served(engine: str) -> Deployment:
    return deployment(MODEL, "H100", "bf16", engine, Split())


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    started = time.perf_counter()
    held = {n: coverage(n, 4 * args.trials, args.seed) for n in CONFIGURATIONS}
    print("configurations  median held / above %   p90 held / above %")
    for n, one in held.items():
        print(f"{n:14}  {one['median held']:11.1f} / {one['median above']:4.1f}"
              f"  {one['p90 held']:11.1f} / {one['p90 above']:4.1f}")  # fmt: skip
    print("\nPASS / FAIL %, by configurations and true median error over the limit")
    print("configurations", *(f"{times:>12}" for times in TIMES))
    told = {}
    for n in CONFIGURATIONS:
        told[n] = {times: outcomes(n, times, args.trials, args.seed) for times in TIMES}
        cells = (f"{one['PASS']:5.0f} / {one['FAIL']:3.0f}" for one in told[n].values())
        print(f"{n:14}", *(f"{cell:>12}" for cell in cells))
    print(f"{time.perf_counter() - started:.0f} s")
    if args.json:
        args.json.write_text(json.dumps({"held": held, "outcomes": told}, indent=1) + "\n")


if __name__ == "__main__":
    main()
