"""Shares of the TDP from measured power: of all types of GPU, and of each, drawn to those.

Then effects of what configurations share. They count for models and GPUs without rows too: there
they lowered the errors of models left out, and left those of GPUs as they were.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from ..effects import POWER_LEVELS, Effects
from ..features.steps import Array
from ..power import TERMS, Power, power_terms, tdp_w
from ..rows.serving_rows import ServingRows
from .physics.design import row_weights
from .robust import Pull, fit_relative

_SPREAD: Final = 0.6  # types of GPU around their mean; chosen by grouped cross-validation


def fit_power(rows: ServingRows) -> Power:
    """Fit rows of measured power, at their measured steps."""
    terms, gpus = power_terms(rows, rows.step_us), rows.gpu_names
    share, weights = rows.power_w / tdp_w(rows), row_weights(rows.configurations)
    pooled = fit_relative(terms, share, weights)
    kinds = np.unique(gpus)
    apart = np.hstack([terms * (gpus == kind)[:, None] for kind in kinds])
    pull = Pull(np.tile(pooled, len(kinds)), _SPREAD)
    own = fit_relative(apart, share, weights, pull).reshape(len(kinds), len(TERMS))
    by_gpu = {str(kind): _named(values) for kind, values in zip(kinds, own, strict=True)}
    found = Power(_named(pooled), by_gpu)
    left = np.log(share / found.of_terms(rows, rows.step_us))
    return replace(found, effects=Effects.fitted(rows, left, POWER_LEVELS))


def _named(shares: Array) -> dict[str, float]:
    return dict(zip(TERMS, map(float, shares), strict=True))
