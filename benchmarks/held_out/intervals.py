"""How sharp the intervals are: their interval score beside that of the best constant width.

A model is the curves of one key or table. Of each curve a quarter of the sizes is reserved, eight
more calibrate, and 24 of the others are measured as a sweep would. The scores come from the fit to
these 24, the predictions from that to all 32. The oracle knows the errors at the reserved sizes:
for each curve its half width is their quantile, which no constant beats.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

import numpy as np
from scipy.stats import binom

from moeprof.benchmarks.held_out.trials import Curve, Trial, arrays, trial
from moeprof.costmodel.curve.fit import choose_fit, fit_losses, interpolate, log_jumps
from moeprof.costmodel.curve.intervals import bracket_left_out, error_scales, half_widths
from moeprof.costmodel.curve.next_size import simulate_sampling
from moeprof.costmodel.curve.scores import Scored, score_curves
from moeprof.stats.arrays import Float64
from moeprof.stats.conformal import COVERAGES_PCT
from moeprof.stats.interval_score import interval_scores

MOST_UNEQUAL_NOISE: Final = 0.05  # scale of the noisiest operation, and ten times the quietest's
_CALIBRATING: Final = 8
_FREEDOM: Final = 4  # the noise that is added is distributed as Student's t
_COVERED_ENOUGH: Final = 0.85


@dataclass(frozen=True)
class Judged:
    """One curve at one coverage: |log errors| and half widths at its reserved sizes, [N]."""

    errors: Float64
    half_widths: Float64

    @property
    def coverage(self) -> float:
        """Share of the reserved sizes whose error is within its half width."""
        return float(np.mean(self.errors <= self.half_widths))


@dataclass(frozen=True)
class Sharpness:
    """Intervals at one nominal coverage, over all curves and seeds.

    `to_oracle` is the mean interval score over that of the oracle, `coverage` the share of all
    errors within their interval, `half_width` the median curve's median as a |log| ratio,
    `uncovered` the share of curves of whose errors less than 85 % are within. `by_chance` is that
    share if every error of every curve were within with the nominal probability, by itself.
    """

    to_oracle: float
    coverage: float
    half_width: float
    uncovered: float
    by_chance: float


def sharpness(curves: list[Curve], seeds: range, most_noise: float) -> dict[int, Sharpness]:
    """Judge the intervals at each nominal coverage in percent; empty without a curve.

    Each operation gets noise of its own, up to a scale of `most_noise`.
    """
    found: defaultdict[int, list[Judged]] = defaultdict(list)
    for seed in seeds:
        for number, members in enumerate(_models(curves)):
            rng = np.random.default_rng((seed, number))
            drawn = (trial(curve, 513, 24, rng) for curve in members)
            noisy = [_with_noise(one, most_noise, rng) for one in drawn if one is not None]
            for percent, judged in _judged(noisy, rng):
                found[percent].append(judged)
    return {percent: _sharpness(judged, percent) for percent, judged in found.items()}


def _models(curves: list[Curve]) -> list[list[Curve]]:
    models: defaultdict[tuple[str, str, str], list[Curve]] = defaultdict(list)
    for curve in curves:
        if curve.family != "moe":
            model = curve.key.split(" ", 1)[1] if "vidur" in curve.table else ""
            models[curve.table, curve.gpu, model].append(curve)
    return list(models.values())


def _with_noise(one: Trial, most: float, rng: np.random.Generator) -> Trial:
    """A trial of which each time is multiplied by noise of the same scale, up to `most`."""
    scale = most * 10 ** rng.uniform(-1, 0)
    rest = {
        size: time * np.exp(scale * rng.standard_t(_FREEDOM)) for size, time in one.rest.items()
    }
    truth = one.truth * np.exp(scale * rng.standard_t(_FREEDOM, size=len(one.truth)))
    return Trial(one.curve, rest, {}, one.asked, truth)


def _judged(trials: Sequence[Trial], rng: np.random.Generator) -> Iterator[tuple[int, Judged]]:
    """The curves of one model, each at each nominal coverage."""
    scored = [_scored(one, rng) for one in trials]
    scales, intervals = score_curves(scored)
    for one, apart, scale in zip(trials, scored, scales, strict=True):
        curve = _whole(apart)
        jumps = log_jumps(curve.tokens, curve.values, one.asked)
        around = bracket_left_out(curve.tokens, curve.left_out, one.asked)
        found = error_scales(scale.noise, scale.jump_share, jumps, around)
        predicted = interpolate(curve.fit, curve.tokens, curve.values, one.asked)
        errors = np.abs(np.log(predicted / one.truth))
        for percent in COVERAGES_PCT:
            halves = half_widths(intervals.quantiles[str(percent)], found)
            yield percent, Judged(errors, halves)


def _scored(one: Trial, rng: np.random.Generator) -> Scored:
    """Measure a trial without eight random sizes, which calibrate."""
    drawn = sorted(rng.choice(sorted(one.rest)[1:-1], _CALIBRATING, replace=False).tolist())
    left = [size for size in sorted(one.rest) if size not in set(drawn)]
    x, y = arrays(simulate_sampling(one.rest, 24, domain=left))
    given = np.array(drawn, dtype=np.int64)
    times = np.array([one.rest[size] for size in drawn])
    return Scored(choose_fit(fit_losses(x, y)), x, y, None, given, times)


def _whole(apart: Scored) -> Scored:
    """The curve with its calibration points among the knots."""
    tokens = np.r_[apart.tokens, apart.calibration_tokens]
    order = np.argsort(tokens)
    x, y = tokens[order], np.r_[apart.values, apart.calibration_values][order]
    return Scored(choose_fit(fit_losses(x, y)), x, y)


def _sharpness(judged: Sequence[Judged], percent: int) -> Sharpness:
    best = [replace(j, half_widths=_best_constant(j.errors, percent)) for j in judged]
    ours, oracle = (
        np.mean([interval_scores(j.errors, j.half_widths, percent).mean() for j in some])
        for some in (judged, best)
    )
    within = np.concatenate([j.errors <= j.half_widths for j in judged])
    return Sharpness(
        to_oracle=float(ours / oracle),
        coverage=float(within.mean()),
        half_width=float(np.median([np.median(j.half_widths) for j in judged])),
        uncovered=float(np.mean([j.coverage < _COVERED_ENOUGH for j in judged])),
        by_chance=float(np.mean([_chance(len(j.errors), percent) for j in judged])),
    )


def _chance(count: int, percent: int) -> float:
    """Probability that of so many independent errors less than 85 % are within."""
    return float(binom.cdf(ceil(_COVERED_ENOUGH * count) - 1, count, percent / 100))


def _best_constant(errors: Float64, percent: int) -> Float64:
    return np.full(len(errors), np.quantile(errors, percent / 100))
