"""How many readings a bisection takes, and how often it names a wrong commit, on simulated ones.

A history has a step at one commit. A reading is (1 + step) x noise x drift: noise of 2 or 5 %, and
no drift, a warm-up of 3 % over 60 readings, or an ambient drift of 1.5 % with a memory of 60. Peers
are re-implemented: `git bisect` with k readings a step against the middle of the ends, and asv's
three point rule; git_bayesect's own code is asked for pass and fail at the middle, where it is
installed (pip install git_bayesect).

`search_results(seed, quick)` gives rows and goals; benchmarks/bisect.py prints and keeps them.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from moeprof.compare.bisection.decision import History, Phase, Rules, decide
from moeprof.stats.change_point import Readings

EFFECT = 0.03
MEMORY = 60.0  # readings
WEATHERS = ("none", "warm-up", "ambient")
MOST = {0.02: 1000, 0.05: 3000}  # readings of one search
_ENDS = {0.02: 20, 0.05: 60}  # readings of an end from which peers take their threshold
Goal = dict[str, Any]


@dataclass
class World:
    """A history of commits with a step at `first_bad`, and what was read of it so far."""

    commits: int
    noise: float
    weather: str
    rng: np.random.Generator
    shape: str = "normal"
    effect: float = EFFECT
    read: list[int] = field(default_factory=list)
    level: float = 0.0

    def __post_init__(self) -> None:
        self.first_bad = int(self.rng.integers(1, self.commits))
        self.level = float(self.rng.normal(0, 0.015)) if self.weather == "ambient" else 0.0

    def reading(self, commit: int) -> float:
        """Read a commit."""
        if self.weather == "ambient":
            keep = math.exp(-1 / MEMORY)
            self.level = keep * self.level + math.sqrt(1 - keep**2) * self.rng.normal(0, 0.015)
        elif self.weather == "warm-up":
            self.level = 0.03 * (1 - math.exp(-len(self.read) / MEMORY))
        self.read.append(commit)
        step = self.effect if commit >= self.first_bad else 0.0
        return (1 + step) * max(1 + self.noise * self._error(), 0.05) * (1 + self.level)

    def _error(self) -> float:
        if self.shape == "heavy tails":
            return float(self.rng.standard_t(3)) / math.sqrt(3)
        error = float(self.rng.normal())
        return error + 4.0 * (self.shape == "spikes" and self.rng.random() < 0.05)


def ours(world: World, rules: Rules) -> int | None:
    """The commit that ours names; None where it names none."""
    history = History(np.zeros(world.commits, bool), np.zeros(world.commits - 1))
    logs: list[float] = []
    while len(logs) < MOST[world.noise]:
        read = (np.array(world.read, np.int64), np.array(logs), np.zeros(len(logs), np.int64))
        decision = decide(Readings(*read), history, rules)
        if decision.commit is None:
            found = decision.suspects if decision.phase is Phase.FOUND else None
            return None if found is None else found[1]
        logs.append(math.log(world.reading(decision.commit)))
    return None


def git_bisect(world: World, repeats: int) -> int:
    """Halve by the mean of `repeats` readings against the middle of the ends."""
    ends = _ENDS[world.noise]
    low, high = (np.mean([world.reading(at) for _ in range(ends)]) for at in (0, world.commits - 1))
    middle = (low + high) / 2
    good, bad = 0, world.commits - 1
    while bad - good > 1:
        at = (good + bad) // 2
        if np.mean([world.reading(at) for _ in range(repeats)]) > middle:
            bad = at
        else:
            good = at
    return bad


def asv_find(world: World) -> int:
    """Halve by one reading of each commit, whichever of two differences is larger (asv find)."""
    kept: dict[int, float] = {}

    def value(at: int) -> float:
        if at not in kept:
            kept[at] = world.reading(at)
        return kept[at]

    good, bad = 0, world.commits - 1
    while bad - good > 1:
        at = (good + bad) // 2
        if value(at) - value(good) > value(bad) - value(at):
            bad = at
        else:
            good = at
    return bad


def bayesect(world: World, confidence: float = 0.95) -> int | None:
    """git_bayesect's own code, on pass and fail at the middle of the ends."""
    from git_bayesect import Bisector  # type: ignore[import-not-found]  # not required here

    ends, newest = _ENDS[world.noise], world.commits - 1
    low, high = (np.mean([world.reading(at) for _ in range(ends)]) for at in (0, newest))
    bisector = Bisector(np.ones(world.commits))  # as its program does: the newest commit first
    while len(world.read) < MOST[world.noise]:
        if bisector.distribution.max() >= confidence:
            return newest - int(bisector.distribution.argmax())
        at = bisector.select()
        bisector.record(at, bool(world.reading(newest - at) > (low + high) / 2))
    return None


Search = Callable[[World], int | None]
Worlds = Callable[[np.random.Generator], World]


def searches(noise: float) -> dict[str, Search]:
    """Ours and those of the peers that are installed, by what a table calls them."""
    found: dict[str, Search] = {
        "ours": lambda w: ours(w, Rules()),
        "ours, --no-drift": lambda w: ours(w, Rules(may_drift=False)),
        "ours, --no-drift --build-cost 10": lambda w: ours(
            w, Rules(may_drift=False, build_readings=10.0)
        ),
        "git bisect, 1 reading a step": lambda w: git_bisect(w, 1),
        "git bisect, 10 readings a step": lambda w: git_bisect(w, 10),
        "asv find": asv_find,
    }
    if find_spec("git_bayesect") is not None:
        found["git_bayesect on pass and fail"] = bayesect
    return found


def tried(search: Search, trials: int, worlds: Worlds, seed: int) -> dict[str, Any]:
    """Mean readings and builds, and the share of wrong and of missing answers, over `trials`."""
    drawn = [worlds(np.random.default_rng([seed, number])) for number in range(trials)]
    began_s = time.process_time()
    found = [search(one) for one in drawn]
    readings = np.array([len(one.read) for one in drawn])
    answered = [(a, one.first_bad) for a, one in zip(found, drawn, strict=True) if a is not None]
    return {
        "readings": float(readings.mean()),
        "readings_p95": float(np.quantile(readings, 0.95)),
        "builds": float(np.mean([len(set(one.read)) for one in drawn])),
        "wrong": sum(a != b for a, b in answered) / trials,
        "none": 1 - len(answered) / trials,
        "ms": 1e3 * (time.process_time() - began_s) / trials,
        "trials": trials,
    }


def search_results(seed: int, *, quick: bool) -> tuple[list[dict[str, Any]], list[Goal]]:
    """Simulate everything: a row for each search, history, noise and drift; and the goals."""
    rows = list(_rows(seed, quick))
    return rows, [*_goals(rows), _planning(seed)]


def _rows(seed: int, quick: bool) -> Iterator[dict[str, Any]]:
    settings = [(0.02, 64)] if quick else [(0.02, 64), (0.02, 1024), (0.05, 64), (0.05, 1024)]
    for noise, commits in settings:
        trials = 40 if quick else 400 if noise < 0.03 else 100
        for name, search in searches(noise).items():
            for weather in WEATHERS if name == "ours" else WEATHERS[:1]:
                case = {"noise": noise, "commits": commits, "search": name, "drift": weather}
                yield case | tried(search, trials, partial(World, commits, noise, weather), seed)
    search, trials = searches(0.02)["ours"], 40 if quick else 400
    case = {"noise": 0.02, "commits": 64, "search": "ours"}
    for shape in ("heavy tails", "spikes"):
        shaped = partial(World, 64, 0.02, "none", shape=shape)
        yield case | {"drift": "none", "shape": shape} | tried(search, trials, shaped, seed)
    alike = partial(World, 64, 0.02, "ambient", effect=0.0)
    yield case | {"drift": "ambient", "effect": 0.0} | tried(search, trials, alike, seed)


_MOST_READINGS = {(0.02, 64): 95, (0.02, 1024): 130, (0.05, 64): 530, (0.05, 1024): 750}
_WITHOUT_DRIFT = {64: 60, 1024: 80}
_BUILDS = {64: 8, 1024: 12}


def _goals(rows: list[dict[str, Any]]) -> Iterator[Goal]:
    mine = [row for row in rows if row["search"] == "ours" and not {"shape", "effect"} & set(row)]
    for row in rows:
        where = f"{row['commits']} commits, noise {row['noise']:.0%}"
        if row in mine and row["drift"] == "none":
            most = _MOST_READINGS[(row["noise"], row["commits"])]
            yield _at_most(f"{where}: readings", row["readings"], most, "readings")
        elif row["search"] == "ours, --no-drift" and row["noise"] < 0.03:
            most = _WITHOUT_DRIFT[row["commits"]]
            yield _at_most(f"{where}, --no-drift: readings", row["readings"], most, "readings")
        elif row["search"].endswith("--build-cost 10"):
            most = _BUILDS[row["commits"]]
            yield _at_most(f"{where}, a build costs 10: builds", row["builds"], most, "builds")
        elif row.get("effect") == 0.0:
            yield _at_most("ends alike, ambient drift: a commit is named", 1 - row["none"], 0.05)
    shares = [row["wrong"] for row in mine]
    yield _at_most("wrong answers, mean over settings", float(np.mean(shares)), 0.06)
    yield _at_most("wrong answers, worst setting", max(shares), 0.08)


def _planning(seed: int) -> Goal:
    """Time of one decision over 1,024 commits after 200 readings."""
    world = World(1024, 0.05, "none", np.random.default_rng(seed))
    places = world.rng.integers(0, 1024, 200)
    places[:16] = [0, 1023] * 8
    logs = np.log([world.reading(int(place)) for place in places])
    readings = Readings(places.astype(np.int64), logs, np.zeros(200, np.int64))
    history, times_s = History(np.zeros(1024, bool), np.zeros(1023)), []
    for _ in range(15):
        began_s = time.perf_counter()
        decide(readings, history, Rules())
        times_s.append(time.perf_counter() - began_s)
    return _at_most("one decision, 1,024 commits", 1e3 * float(np.median(times_s)), 30, "ms")


def _at_most(name: str, value: float, most: float, unit: str = "share") -> Goal:
    goal = f"<= {most}"
    return {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "goal": goal,
        "met": value <= most,
    }
