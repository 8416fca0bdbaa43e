"""How many readings and builds a bisection is going to take."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ...stats.change_point import ChangePoint, Readings
from .decision import History, Rules, decide

_TRIALS: Final = 20
_MOST_READINGS: Final = 1500


@dataclass(frozen=True, slots=True)
class Expected:
    """Mean numbers over simulated bisections; `is_cut` where some did not end within the limit.

    One in ten takes more readings than `readings_p90`.
    """

    readings: float
    readings_p90: float
    builds: float
    is_cut: bool


def expected(
    commits: int, effect: float, noise: float, freedom: int, rules: Rules, seed: int = 0
) -> Expected:
    """Simulate bisections of a log ratio `effect` among readings with a log noise of `noise`.

    That noise was estimated with so many degrees of freedom: few readings hardly know it.
    """
    rng = np.random.default_rng(seed)
    noises = noise * np.sqrt(freedom / rng.chisquare(freedom, _TRIALS))
    trials = [_readings(commits, effect, float(one), rules, rng) for one in noises]
    counts = [len(places) for places in trials]
    return Expected(
        readings=float(np.mean(counts)),
        readings_p90=float(np.quantile(counts, 0.9)),
        builds=float(np.mean([len(set(places)) for places in trials])),
        is_cut=max(counts) >= _MOST_READINGS,
    )


def _readings(
    commits: int, effect: float, noise: float, rules: Rules, rng: np.random.Generator
) -> list[int]:
    """The commits that one simulated bisection reads, in turn."""
    first_bad = int(rng.integers(1, commits))
    history = History(np.zeros(commits, bool), np.zeros(commits - 1))
    places: list[int] = []
    logs: list[float] = []
    while len(places) < _MOST_READINGS:
        read = np.array(places, np.int64), np.array(logs), np.zeros(len(places), np.int64)
        commit = decide(Readings(*read), history, rules).commit
        if commit is None:
            break
        places.append(commit)
        logs.append(effect * (commit >= first_bad) + noise * rng.normal())
    return places


def rest(place: ChangePoint, error: float) -> float:
    """Readings that are left, about: the doubt that must go over what the best reading tells."""
    p = place.posterior[place.posterior > 0]
    doubt = float(-(p * np.log(p)).sum())
    accepted = -error * np.log(error) - (1 - error) * np.log1p(-error)
    return max(doubt - float(accepted), 0.0) / max(float(place.gains().max()), 1e-9)
