"""Intervals of predictions, from errors on rows of what no fit saw."""

from typing import Final

import numpy as np

from ....stats.conformal import COVERAGES_PCT, conformal_quantile
from ..digits import rounded
from ..features.steps import Array
from ..rows.serving_rows import ServingRows
from .folds import Fit, Labels, left_out

_FEWEST: Final = 3  # models, GPUs, engines or precisions that tell how far a new one can be off


def interval_factors(log_ratios: Array) -> dict[str, float]:
    """By coverage in percent, the factor within which further values lie, up or down.

    `log_ratios` (n,) are the logarithms of measured over predicted, or the inverse. A coverage that
    n is too small for is not there.
    """
    ascending = np.sort(np.abs(log_ratios))
    quantiles = {percent: conformal_quantile(ascending, percent) for percent in COVERAGES_PCT}
    return {
        str(percent): rounded(float(np.exp(value)))
        for percent, value in quantiles.items()
        if value is not None
    }


def left_out_by_kind(rows: ServingRows, fit: Fit) -> dict[str, Array]:
    """Predict each row by a fit without its model, its GPU, its engine and its precision in turn.

    By kind; us, of shape (n,). A kind of which the rows have fewer than three is not there.
    """
    return {kind: left_out(rows, labels, fit) for kind, labels in labels_by_kind(rows).items()}


def labels_by_kind(rows: ServingRows) -> dict[str, Labels]:
    """The model, GPU, engine and precision of each row; not of a kind with fewer than three."""
    kinds: dict[str, Labels] = {
        "model": rows.models,
        "GPU": rows.gpu_names,
        "engine": rows.engines,
        "precision": rows.stored_as,
    }
    return {kind: one for kind, one in kinds.items() if len(np.unique(one)) >= _FEWEST}
