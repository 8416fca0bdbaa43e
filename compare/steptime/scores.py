"""Scores of predictions, of all rows and of each group, with their uncertainty."""

import numpy as np
from numpy.typing import NDArray

from ...costmodel.steptime.features.steps import Array
from ...store.verdicts.step_validation import Estimate, GroupScore
from .clusters import Clusters
from .predicted import Predicted

ALL = "all"


def scores_of(predicted: Predicted) -> tuple[GroupScore, ...]:
    """Score all rows, then each group of each grouping."""
    whole = np.ones(len(predicted.rows), dtype=bool)
    found = [_score(predicted, whole, ALL, "all rows")]
    for by, groups in predicted.groupings().items():
        for name in np.unique(groups[groups != ""]):
            found.append(_score(predicted, groups == name, by, str(name)))
    return tuple(found)


def clusters_of(predicted: Predicted, at: NDArray[np.bool_]) -> Clusters:
    """The configurations of some rows."""
    names = predicted.rows.configurations[at]
    return Clusters.of(np.unique(names, return_inverse=True)[1])


def errors_of(predicted: Array, measured: Array) -> Array:
    """|predicted / measured - 1| of each row; of shape (n,)."""
    return np.abs(predicted / measured - 1)


def _score(predicted: Predicted, at: NDArray[np.bool_], by: str, group: str) -> GroupScore:
    clusters, measured = clusters_of(predicted, at), predicted.measured[at]
    told, ratio = predicted.predicted[at], predicted.predicted[at] / measured
    off = errors_of(told, measured)
    coverage = None
    if predicted.factor is not None:
        inside = (np.abs(np.log(ratio)) <= np.log(predicted.factor[at])).astype(float)
        coverage = _estimate(clusters, float(inside.mean()), clusters.mean(inside))
    return GroupScore(
        by=by,
        group=group,
        rows=len(off),
        configurations=clusters.count,
        median=_quantile(clusters, off, 0.5),
        p90=_quantile(clusters, off, 0.9),
        mae=float(np.mean(np.abs(told - measured))),
        bias=_quantile(clusters, ratio - 1, 0.5),
        coverage=coverage,
        baselines={
            name: float(np.median(errors_of(values[at], measured)))
            for name, values in predicted.baselines.items()
        },
    )


def _quantile(clusters: Clusters, values: Array, share: float) -> Estimate:
    drawn = clusters.quantile(values, share)
    return _estimate(clusters, float(np.quantile(values, share)), drawn)


def _estimate(clusters: Clusters, value: float, drawn: Array) -> Estimate:
    interval = clusters.interval(drawn)
    return Estimate(value, None, None) if interval is None else Estimate(value, *interval)
