"""A controller on the simulated GPU, scored by what really was, not by what was read."""

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from ..stats.arrays import Float64
from .control.controller import Controller, Targets
from .plant import Plant, Scene

_SCORED_FROM_S: Final = 30.0
_POWER_SLACK_W: Final = 5.0
_TEMP_SLACK_C: Final = 1.0
_SETTLED_S: Final = 10.0
_SETTLED_SHARE: Final = 0.98
_RIPPLE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Score:
    """How well the targets were kept; power is its mean over 1 s, all from 30 s on.

    `over_share` is the part of the time more than 5 W over the target, `hot_share` that more than
    1 degC over; these, `most_over_w` and `excess_kj` are None without such a target. `settled_s` is
    the time from the largest rise of the arrivals until 98 % of the next 10 s are within 5 W: None
    where that never was, or without a target of power. `ripple_w` is the standard deviation of
    power around its mean over 20 s.
    """

    over_share: float | None
    most_over_w: float | None
    excess_kj: float | None
    hot_share: float | None
    highest_c: float
    kl_nats: float
    deferred_share: float
    settled_s: float | None
    ripple_w: float
    tick_us: float
    tick_us_p99: float


@dataclass(frozen=True, eq=False)
class Trial:
    """What a controller made of a scene: its score, and the courses [ticks] of what was.

    `power_w` is the mean over 1 s; where a second is not yet full, over what there is.
    """

    score: Score
    at_s: Float64
    power_w: Float64
    temp_c: Float64
    kl_nats: Float64
    deferred_share: Float64


def run_trial(controller: Controller, plant: Plant, targets: Targets) -> Trial:
    """Let a controller route a plant, from its first tick to the end of the scene."""
    scene = plant.scene
    rows = np.zeros((scene.ticks, 4))
    took_s = np.zeros(scene.ticks)
    bias, deferred_share = np.zeros(plant.layer.costs.experts), 0.0
    for at in range(scene.ticks):
        telemetry, truth = plant.step(bias, deferred_share)
        rows[at] = truth.power_w, truth.temp_c, truth.kl_nats, deferred_share
        began_s = time.perf_counter()
        decision = controller.tick(telemetry)
        took_s[at] = time.perf_counter() - began_s
        bias, deferred_share = decision.bias, decision.deferred_share
    power_w, *others = rows.T.copy()
    second = max(1, round(1 / scene.tick_s))
    courses: tuple[Float64, ...] = (_running_mean(power_w, second), *others)
    at_s: Float64 = scene.tick_s * np.arange(1.0, scene.ticks + 1)
    return Trial(_score(scene, targets, courses, took_s), at_s, *courses)


def _score(scene: Scene, targets: Targets, courses: tuple[Float64, ...], took_s: Float64) -> Score:
    first = min(round(_SCORED_FROM_S / scene.tick_s), scene.ticks - 1)
    power_w, temp_c, kl_nats, deferred = (course[first:] for course in courses)
    over_w = None if targets.power_w is None else np.maximum(power_w - targets.power_w, 0)
    hot_c = None if targets.temp_c is None else temp_c - targets.temp_c
    slow = _running_mean(power_w, max(1, round(_RIPPLE_S / scene.tick_s)))
    return Score(
        over_share=None if over_w is None else float((over_w > _POWER_SLACK_W).mean()),
        most_over_w=None if over_w is None else float(over_w.max()),
        excess_kj=None if over_w is None else float(over_w.sum()) * scene.tick_s / 1e3,
        hot_share=None if hot_c is None else float((hot_c > _TEMP_SLACK_C).mean()),
        highest_c=float(temp_c.max()),
        kl_nats=float(kl_nats.mean()),
        deferred_share=float(deferred.mean()),
        settled_s=_settled_s(scene, targets, courses[0]),
        ripple_w=float((power_w - slow).std()),
        tick_us=float(took_s.mean()) * 1e6,
        tick_us_p99=float(np.percentile(took_s, 99)) * 1e6,
    )


def _settled_s(scene: Scene, targets: Targets, power_w: Float64) -> float | None:
    """Time from the largest rise of arrivals until the power stays within its target."""
    steps = scene.arrivals_per_s
    if targets.power_w is None or len(steps) < 2:
        return None
    rises = [after[1] - before[1] for before, after in pairwise(steps)]
    first = round(steps[1 + int(np.argmax(rises))][0] / scene.tick_s)
    within = (power_w[first:] <= targets.power_w + _POWER_SLACK_W).astype(np.float64)
    lasting = max(1, round(_SETTLED_S / scene.tick_s))
    if len(within) < lasting:
        return None
    shares = np.convolve(within, np.ones(lasting) / lasting, "valid")
    settled = np.flatnonzero(shares >= _SETTLED_SHARE)
    return float(settled[0]) * scene.tick_s if len(settled) else None


def _running_mean(values: Float64, width: int) -> Float64:
    """Mean of each value and those before it, `width` in all or as many as there are."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - width, 0)
    means: Float64 = (sums[ends] - sums[starts]) / (ends - starts)
    return means
