"""An interval reaches as far as errors did, and is not told where rows are too few."""

from dataclasses import replace
from math import exp

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.factors import (
    interval_factors,
    labels_by_kind,
    left_out_by_kind,
)
from moeprof.costmodel.steptime.fit.folds import Fit
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of


def test_so_many_percent_of_the_errors_lie_within_the_factor() -> None:
    ratios = np.linspace(-0.99, 0.99, 199)
    factors = interval_factors(ratios)
    assert factors["90"] == pytest.approx(exp(0.9), rel=0.02)
    assert list(factors.values()) == sorted(factors.values())


def test_few_rows_tell_no_wide_interval() -> None:
    assert set(interval_factors(np.zeros(10))) == {"50", "80", "90"}
    assert interval_factors(np.zeros(0)) == {}


def _twice_for_strangers(kind: str) -> Fit:
    """Predicts what is known exactly, and all else at half of its time."""

    def labels(rows: ServingRows) -> np.ndarray:
        return {"model": rows.models, "GPU": rows.gpu_names, "engine": rows.engines}[kind]

    def fit(rows: ServingRows):  # type: ignore[no-untyped-def]
        known = np.unique(labels(rows))
        return lambda others: others.step_us / np.where(np.isin(labels(others), known), 1, 2)

    return fit


@pytest.mark.parametrize("kind", ["model", "GPU"])
def test_what_is_new_has_the_errors_of_what_was_left_out(kind: str) -> None:
    rows = rows_of(*many_deployments(), sizes=4)
    rows = replace(rows, step_us=np.full(len(rows), 1e4))
    found = left_out_by_kind(rows, _twice_for_strangers(kind))
    for other, left_us in found.items():
        assert left_us == pytest.approx(rows.step_us / (2 if other == kind else 1))


def test_two_of_a_kind_tell_nothing_of_a_third() -> None:
    rows = rows_of(*many_deployments(), sizes=1)
    assert list(labels_by_kind(rows)) == ["model", "GPU"]
    two = rows.taken(np.flatnonzero(np.isin(rows.models, np.unique(rows.models)[:2])))
    assert list(labels_by_kind(two)) == ["GPU"]
