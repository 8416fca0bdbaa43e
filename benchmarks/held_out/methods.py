"""The methods that are compared: ours, and each peer's way between measured points."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from moeprof.benchmarks.held_out.peers import forest_and_process
from moeprof.benchmarks.held_out.trials import Trial, arrays
from moeprof.costmodel.curve.fit import choose_fit, fit_losses, interpolate

Method = Callable[[Trial, np.ndarray, np.ndarray], np.ndarray | None]


def ours(trials: Sequence[Trial], points: Callable[[Trial], dict[int, float]]) -> list[np.ndarray]:
    """Predict with the fits that build-model would choose for these curves together."""
    known = [arrays(points(one)) for one in trials]
    losses = [fit_losses(*one) for one in known]
    return [
        interpolate(choose_fit(own, losses), x, y, one.asked)
        for own, (x, y), one in zip(losses, known, trials, strict=True)
    ]


def _polynomial(one: Trial, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Degree 1 to 5 by leave-one-out: vidur's alternative to its forest."""

    def left_out(degree: int) -> float:
        hat = np.vander(x / x[-1], degree + 1)
        project = hat @ np.linalg.pinv(hat)
        return float(np.abs((y - project @ y) / (1 - np.diag(project)) / y).sum())

    best = min(range(1, 6), key=left_out)
    found = np.polyval(np.polyfit(x / x[-1], y, best), one.asked / x[-1])
    return np.maximum(1e-3, found)


def _roofline(one: Trial, x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """Launch and roofline over efficiency: two parameters."""
    bound = one.curve.bound
    if bound is None:
        return None
    base = bound.bound_us(x)

    def fitted(launch: float) -> tuple[float, float, float]:
        scale = float(np.median(np.log(np.maximum(y - launch, 1e-3) / base)))
        return float(np.median(np.abs(np.log((launch + base * np.exp(scale)) / y)))), launch, scale

    _, launch, scale = min(map(fitted, [0.0, *np.quantile(y, [0, 0.05, 0.1])]))
    return np.asarray(launch + bound.bound_us(one.asked) * np.exp(scale))


_SIMPLE: dict[str, Method] = {
    "linear": lambda one, x, y: np.interp(one.asked, x, y),
    "log-log": lambda one, x, y: np.exp(np.interp(np.log(one.asked), np.log(x), np.log(y))),
    "PCHIP": lambda one, x, y: PchipInterpolator(x, y)(one.asked),
    "polynomial": _polynomial,
    "nearest": lambda one, x, y: y[np.abs(x[None] - one.asked[:, None]).argmin(1)],
    "roofline": _roofline,
}


def _random_points(one: Trial, rng: np.random.Generator) -> np.ndarray:
    """Linear between as many points as ours chose, but random ones; the ends are always there."""
    x, y = arrays(one.rest)
    inner = min(len(one.chosen), len(x)) - 2
    drawn = np.sort(rng.choice(np.arange(1, len(x) - 1), inner, replace=False))
    drawn = np.r_[0, drawn, len(x) - 1]
    return np.asarray(np.interp(one.asked, x[drawn], y[drawn]))


def predictions(
    trials: Sequence[Trial], rng: np.random.Generator, peers: Path | None
) -> dict[str, list[Any]]:
    """Predict the reserved sizes of each trial by every method, each with the points of ours."""
    found: dict[str, list[Any]] = {
        "ours": ours(trials, lambda one: one.chosen),
        "ours, every point": ours(trials, lambda one: one.rest),
        "linear, random points": [_random_points(one, rng) for one in trials],
    }
    for name, method in _SIMPLE.items():
        found[name] = [method(one, *arrays(one.chosen)) for one in trials]
    if peers is not None:
        jobs = [[*(v.tolist() for v in arrays(one.chosen)), one.asked.tolist()] for one in trials]
        found["RandomForest"], found["Gaussian process"] = forest_and_process(peers, jobs)
    return found
