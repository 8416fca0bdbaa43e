"""Joules per token against time per token, over batch sizes and splits, and its Pareto front."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from .features.steps import Array, Steps
from .prediction.predict import StepPrediction

_US_PER_MS: Final = 1e3


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One way to run a model: a split and a batch.

    `split` names how the model is split over `gpus` GPUs; `batch` requests run. `ms_per_token` is
    what a request waits for a token, and 90 % of such steps are from `low_ms` to `high_ms`, None
    where too few rows tell. `j_per_token` is the energy of all GPUs over all output tokens, `low_j`
    to `high_j` likewise; None where no row had power. `extrapolated` says that no fitted row
    reached this step, `on_front` that no other point has both less time and less energy per token.
    """

    split: str
    gpus: int
    batch: int
    ms_per_token: float
    low_ms: float | None
    high_ms: float | None
    j_per_token: float | None
    low_j: float | None
    high_j: float | None
    power_w: float | None
    tokens_per_s: float
    extrapolated: bool
    on_front: bool = False


@dataclass(frozen=True, slots=True)
class EnergyCurve:
    """The points of one model on one type of GPU, over splits and batches, with their front.

    `served` names model, GPU, precision and engine, `requests` what they ask for. `remarks` are
    sentences on what puts the points in doubt or bounds them. `origin` tells the rows that the
    model of steps was fitted to, as names and values.
    """

    served: str
    requests: str
    points: tuple[CurvePoint, ...]
    remarks: tuple[str, ...]
    origin: tuple[tuple[str, str], ...]

    @property
    def front(self) -> tuple[CurvePoint, ...]:
        """The points that no other beats in both, fastest first."""
        return tuple(
            sorted((one for one in self.points if one.on_front), key=lambda one: one.ms_per_token)
        )

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have points, in their order."""
        return tuple(dict.fromkeys(one.split for one in self.points))


def curve_points(
    split: str, gpus: int, steps: Steps, found: StepPrediction
) -> tuple[CurvePoint, ...]:
    """The points of one split, by its predictions of steps of several batches.

    Batches of which equally many requests run are one point.
    """

    def at(values: Array | None, place: int, scale: float = 1.0) -> float | None:
        return None if values is None else float(values[place]) / scale

    _, first = np.unique(np.round(steps.running), return_index=True)
    return tuple(
        CurvePoint(
            split=split,
            gpus=gpus,
            batch=round(float(steps.running[place])),
            ms_per_token=float(found.step_us[place]) / _US_PER_MS,
            low_ms=at(found.low_us, place, _US_PER_MS),
            high_ms=at(found.high_us, place, _US_PER_MS),
            j_per_token=at(found.j_per_token, place),
            low_j=at(found.low_j_per_token, place),
            high_j=at(found.high_j_per_token, place),
            power_w=at(found.power_w, place),
            tokens_per_s=float(found.tokens_per_s[place]),
            extrapolated=bool(found.unseen or found.beyond[place]),
        )
        for place in map(int, first)
    )


def with_front(points: Sequence[CurvePoint]) -> tuple[CurvePoint, ...]:
    """The points, those marked that no other beats in both time and energy per token.

    Of points that are equal in both, all are on the front or none. A point without an energy is on
    no front.
    """
    known = [one for one in points if one.j_per_token is not None]
    pairs = np.asarray([(one.ms_per_token, one.j_per_token) for one in known]).reshape(-1, 2)
    front = {
        id(one)
        for one, pair in zip(known, pairs, strict=True)
        if not ((pairs <= pair).all(axis=1) & (pairs < pair).any(axis=1)).any()
    }
    return tuple(replace(one, on_front=id(one) in front) for one in points)
