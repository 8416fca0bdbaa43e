"""How far power and joules per token are off for configurations that no fit saw."""

from dataclasses import dataclass

import numpy as np

from ..features.steps import Array
from ..rows.serving_rows import ServingRows
from .folds import Labels
from .power import fit_power


@dataclass(frozen=True, slots=True)
class LeftOutEnergy:
    """Predictions of n rows by fits without their label; arrays have shape (n,).

    `power_w` is that at the measured step, `j_per_token` that at the predicted step.
    """

    power_w: Array
    j_per_token: Array


def left_out_energy(rows: ServingRows, labels: Labels, left_us: Array) -> LeftOutEnergy:
    """Predict rows of measured power, whose steps were predicted as `left_us` without their label.

    All arrays have shape (n,).
    """
    power_w, later_w = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for label in np.unique(labels):
        at = np.flatnonzero(labels == label)
        fitted = fit_power(rows.taken(np.flatnonzero(labels != label)))
        some = rows.taken(at)
        power_w[at] = fitted.power_w(some, some.step_us)
        later_w[at] = fitted.power_w(some, left_us[at])
    return LeftOutEnergy(power_w, j_per_token(rows, later_w, left_us))


def j_per_token(rows: ServingRows, power_w: Array, step_us: Array) -> Array:
    """Energy of all GPUs over the output tokens of a step; J, of shape (n,)."""
    return np.asarray(power_w * step_us / 1e6 / rows.steps.running)
