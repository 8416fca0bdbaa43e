"""How often a comparison is wrong: ours, and the designs of its peers, on simulated readings.

Readings have a standard deviation of 2 %, and none, an ambient or a warm-up drift: an AR(1) process
of 1.5 % with a memory of 60 readings, or 3 % that decay over 20. Peers take all readings of OLD,
then all of NEW; their tests are re-implemented. Two runs are simulated as blocks of seven curves,
each of which moves by itself from run to run.

`compare_results(seed, quick)` gives rows and goals; benchmarks/bisect.py prints and keeps them.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from moeprof.compare.regression.comparison import compare_sides
from moeprof.compare.regression.interleaved import Readings, judge_readings, looks_within
from moeprof.compare.regression.judged import Rules
from moeprof.compare.regression.side import METRICS, Place, Reading, Side
from moeprof.store.verdicts.comparison import Change

NOISE = 0.02
DRIFTS = ("none", "ambient", "warm-up")
RULES = Rules(min_effect=0.01, alpha=0.05)
CURVES, SIZES = 7, 32
Goal = dict[str, Any]


@dataclass(frozen=True)
class Trials:
    """How many times each case is simulated."""

    single: int
    family: int
    runs: int


FULL, QUICK = Trials(single=1000, family=100, runs=200), Trials(single=200, family=15, runs=60)


def drift(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Relative drift of n readings."""
    if kind == "warm-up":
        return -0.03 * np.exp(-np.arange(n) / 20.0)
    if kind == "none":
        return np.zeros(n)
    if kind != "ambient":
        raise ValueError(f"{kind!r} is no drift")
    keep = math.exp(-1 / 60)
    steps = rng.normal(0, 0.015, n) * np.where(np.arange(n), math.sqrt(1 - keep**2), 1.0)
    out = np.empty(n)
    level = 0.0
    for place, step in enumerate(steps):
        level = out[place] = keep * level + step
    return out


def readings(
    n: int, effect: float, kind: str, rng: np.random.Generator, *, in_turns: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Readings of n + n and their sides (0 OLD, 1 NEW), in turns or one side after the other."""
    side = np.resize([0.0, 1.0, 1.0, 0.0], 2 * n) if in_turns else np.repeat([0.0, 1.0], n)
    noise = 1 + rng.normal(0, NOISE, 2 * n) + drift(kind, 2 * n, rng)
    return (1 + side * effect) * noise, side


PEERS: dict[str, Callable[[np.ndarray, np.ndarray], bool]] = {
    "blocked, t, p < .05 (pyperf)": lambda a, b: stats.ttest_ind(a, b).pvalue < 0.05,
    "blocked, Mann-Whitney, p < .05 (benchstat)": lambda a, b: (
        stats.mannwhitneyu(a, b, method="asymptotic").pvalue < 0.05
    ),
    "blocked, t, p < .001 (otava)": lambda a, b: stats.ttest_ind(a, b).pvalue < 0.001,
    "blocked, Mann-Whitney, p < .002 and > +5 % (asv-like)": lambda a, b: bool(
        stats.mannwhitneyu(a, b, method="asymptotic").pvalue < 0.002 and b.mean() > 1.05 * a.mean()
    ),
}


def peer_shares(
    n: int, effect: float, kind: str, trials: int, rng: np.random.Generator
) -> dict[str, float]:
    """Share of trials in which each peer flags a change."""
    flags = dict.fromkeys(PEERS, 0)
    for _ in range(trials):
        values, side = readings(n, effect, kind, rng, in_turns=False)
        for name, is_flagged in PEERS.items():
            flags[name] += bool(is_flagged(values[side == 0], values[side == 1]))
    return {name: count / trials for name, count in flags.items()}


def our_verdicts(
    n: int, effects: np.ndarray, kind: str, rng: np.random.Generator, looks: int = 1
) -> list[Change]:
    """Our verdicts on one command's comparisons, n + n readings of each."""
    family = []
    for effect in effects:
        values, side = readings(n, float(effect), kind, rng, in_turns=True)
        session = np.zeros(len(values), dtype=np.int64)
        family.append(Readings("latency", "us", "op", "op", None, side, values, session))
    return [row.verdict for row in judge_readings(family, RULES, looks)]


def our_share(
    n: int, effect: float, kind: str, trials: int, rng: np.random.Generator
) -> dict[str, float]:
    """Share of single comparisons with each verdict of ours."""
    found = [our_verdicts(n, np.array([effect]), kind, rng)[0] for _ in range(trials)]
    return {f"in turns, ours: {one}": found.count(one) / trials for one in Change}


def in_family(
    n: int, effects: np.ndarray, trials: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Share of commands with a false alarm, and of changes of 3 % that are found, under drift."""
    alarms, found = 0, []
    for _ in range(trials):
        verdicts = our_verdicts(n, effects, "ambient", rng)
        is_called = np.array([one is Change.REGRESSION for one in verdicts])
        alarms += bool(is_called[effects <= RULES.min_effect].any())
        found += is_called[effects > RULES.min_effect].tolist()
    return alarms / trials, float(np.mean(found)) if found else math.nan


def extended(
    effect: float, kind: str, trials: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Share called a regression, share unchanged, and mean readings a side, with up to 3 looks."""
    looks = looks_within(80, 20)
    called, same, used = 0, 0, 0
    for _ in range(trials):
        values, side = readings(looks[-1], effect, kind, rng, in_turns=True)
        for n in looks:
            part = Readings(
                "latency", "us", "op", "op", None, side[: 2 * n], values[: 2 * n],
                np.zeros(2 * n, dtype=np.int64),
            )  # fmt: skip
            verdict = judge_readings([part], RULES, len(looks))[0].verdict
            if verdict is not Change.INCONCLUSIVE:
                break
        called += verdict is Change.REGRESSION
        same += verdict is Change.UNCHANGED
        used += n
    return called / trials, same / trials, used / trials


def run_side(
    factors: Mapping[int, float], between: float, size_sd: float, rng: np.random.Generator
) -> Side:
    """A run of seven curves; each moves by `between` from run to run, each size by `size_sd`."""
    common = rng.normal(0, between)
    values: dict[Place, Reading] = {}
    for curve in range(CURVES):
        level = math.exp(common + rng.normal(0, between)) * factors.get(curve, 1.0)
        for size in range(1, SIZES + 1):
            time_us = (100.0 + size) * level * math.exp(rng.normal(0, size_sd))
            values[(f"op{curve}", size)] = Reading(time_us, 0.002, 0.004, 2)
    ops = {f"op{curve}": f"op{curve}" for curve in range(CURVES)}
    units = {metric: unit for metric, (_, unit) in METRICS.items()}
    return Side("run", str(rng.random()), ops, {"latency": values}, units, {})


def two_runs(
    between: float, factor: float, trials: int, rng: np.random.Generator
) -> dict[str, float]:
    """Of two runs, one curve of which changed by `factor`: false alarms, and how often it is found.

    Beside ours, a t-test over the sizes of each curve at p < .05, as blocked designs do.
    """
    ours_false = ours_found = t_false = t_found = 0
    for _ in range(trials):
        old = run_side({}, between, 0.01, rng)
        new = run_side({0: factor}, between, 0.01, rng)
        found = compare_sides("runs", old, new, RULES, {})
        called = {row.op for row in (*found.ops, *found.sizes) if row.verdict is Change.REGRESSION}
        ours_false += bool(called - {"op0"} if factor > 1 else called)
        ours_found += "op0" in called
        by_t = {curve for curve in old.ops if _t_flags(old, new, curve)}
        t_false += bool(by_t - {"op0"} if factor > 1 else by_t)
        t_found += "op0" in by_t
    shares = {"ours, alarms": ours_false, "ours, found": ours_found}
    shares |= {"t over sizes, alarms": t_false, "t over sizes, found": t_found}
    return {name: count / trials for name, count in shares.items()}


def _t_flags(old: Side, new: Side, curve: str) -> bool:
    ratios = [
        math.log(new.values["latency"][(curve, size)].value / one.value)
        for (name, size), one in old.values["latency"].items()
        if name == curve
    ]
    return bool(stats.ttest_1samp(ratios, 0).pvalue < 0.05)


def compare_results(seed: int, *, quick: bool) -> tuple[list[dict[str, Any]], list[Goal]]:
    """Simulate everything: rows of shares, and the goals of `moeprof compare`."""
    rng, trials = np.random.default_rng(seed), QUICK if quick else FULL
    rows = list(_rows(trials, rng))
    return rows, list(_goals(rows))


def _rows(trials: Trials, rng: np.random.Generator) -> Iterator[dict[str, Any]]:
    for kind in DRIFTS:
        for effect in (0.0, RULES.min_effect, 0.03):
            shares = peer_shares(20, effect, kind, trials.single, rng)
            shares |= our_share(20, effect, kind, trials.single, rng)
            yield {"case": "20 + 20 readings", "drift": kind, "effect": effect, **shares}
    for n in (20, 40):
        for name, effects in _families().items():
            alarms, found = in_family(n, effects, trials.family, rng)
            yield {"case": f"50 comparisons, {n} + {n}", "effects": name, "alarms": alarms,
                   "found": None if math.isnan(found) else found}  # fmt: skip
    for effect in (0.0, RULES.min_effect, 0.03):
        called, same, used = extended(effect, "ambient", trials.single // 4, rng)
        yield {"case": "20 + 20, extended to 80 + 80", "effect": effect, "regression": called,
               "unchanged": same, "readings a side": used}  # fmt: skip
    for between in (0.003, 0.02, 0.1):
        for factor in (1.0, 1.1, 1.5):
            yield {"case": "two runs", "between": between, "factor": factor,
                   **two_runs(between, factor, trials.runs, rng)}  # fmt: skip


def _families() -> dict[str, np.ndarray]:
    return {
        "all unchanged": np.zeros(50),
        "all at the least effect": np.full(50, RULES.min_effect),
        "5 of 50 with 3 %": np.array([0.03] * 5 + [0.0] * 45),
    }


def _goals(rows: list[dict[str, Any]]) -> Iterator[Goal]:
    ours = f"in turns, ours: {Change.REGRESSION}"
    for row in rows:
        if row["case"] == "20 + 20 readings":
            where = f"one comparison, 20 + 20, drift {row['drift']}"
            if row["effect"] == 0.03:
                yield _goal(f"{where}: 3 % found", row[ours], at_least=0.90)
            elif row["effect"] > 0:
                yield _goal(f"{where}: false alarms at the least effect", row[ours], at_most=0.056)
            else:
                yield _goal(f"{where}: false alarms", row[ours], at_most=0.056)
        elif row["case"].startswith("50 comparisons"):
            yield _goal(f"{row['case']}, {row['effects']}: commands with a false alarm",
                        row["alarms"], at_most=0.056)  # fmt: skip
            if row["found"] is not None and row["case"].endswith("40 + 40"):
                yield _goal(f"{row['case']}: 3 % found", row["found"], at_least=0.85)
        elif row["case"] == "two runs" and row["factor"] == 1.0:
            yield _goal(f"two runs of one build, curves move by {row['between']:.1%}: false alarms",
                        row["ours, alarms"], at_most=0.056)  # fmt: skip


def _goal(
    name: str, value: float, *, at_most: float | None = None, at_least: float | None = None
) -> Goal:
    met = value <= at_most if at_most is not None else value >= (at_least or 0.0)
    goal = f"<= {at_most}" if at_most is not None else f">= {at_least}"
    return {"name": name, "value": round(value, 4), "unit": "share", "goal": goal, "met": met}
