"""The physics predicts unless another form errs less beyond chance."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.best_method import METHODS, best_method
from moeprof.costmodel.steptime.features.steps import Array
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows

ROWS = timed_rows(rows_of(*many_deployments(), sizes=4))
_, CONFIGURATION = np.unique(ROWS.configurations, return_inverse=True)
NOISE: Array = np.random.default_rng(0).normal(0, 0.02, 16)


def off_by(factors: Array) -> Array:
    """Predictions whose configurations, of shape (16,), are off by these factors."""
    return ROWS.step_us * factors[CONFIGURATION]


def test_a_form_that_is_nearer_everywhere_predicts() -> None:
    left = {name: off_by(np.full(16, 1.3) + NOISE) for name in METHODS}
    assert best_method(ROWS, left) == "physics"
    assert best_method(ROWS, left | {"srfa": off_by(1.2 + NOISE)}) == "srfa"
    left |= {"srfa": off_by(1.2 + NOISE), "blackbox": off_by(1.1 + NOISE)}
    assert best_method(ROWS, left) == "blackbox"


@pytest.mark.parametrize("far", [3.0, 1.45], ids=["one far", "no more than chance"])
def test_a_smaller_median_alone_is_not_enough(far: float) -> None:
    """SRFA is nearer in nine configurations of sixteen, and farther off in the others."""
    left = {name: off_by(np.full(16, 1.3) + NOISE) for name in METHODS}
    left["srfa"] = off_by(np.where(np.arange(16) < 9, 1.15, far) + NOISE)
    assert np.median(np.abs(left["srfa"] / ROWS.step_us - 1)) < 0.2
    assert best_method(ROWS, left) == "physics"


def test_a_form_that_predicts_nothing_does_not_predict() -> None:
    left = {name: off_by(np.full(16, 2.0)) for name in METHODS} | {"blackbox": 0 * ROWS.step_us}
    assert best_method(ROWS, left) == "physics"
