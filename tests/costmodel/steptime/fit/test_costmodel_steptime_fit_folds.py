"""Groups stay whole, and no fit sees the rows that it predicts."""

import numpy as np

from moeprof.costmodel.steptime.fit.folds import left_out, shuffled_folds
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of


def test_groups_stay_whole_and_folds_are_even() -> None:
    groups = np.repeat([f"g{at}" for at in range(20)], 3)
    folds = shuffled_folds(groups, 5, seed=1)
    assert (folds.reshape(20, 3) == folds.reshape(20, 3)[:, :1]).all()
    assert np.bincount(folds).tolist() == [12] * 5
    assert (folds == shuffled_folds(groups, 5, seed=1)).all()
    assert (folds != shuffled_folds(groups, 5, seed=2)).any()


def test_a_row_is_predicted_by_a_fit_without_its_label() -> None:
    rows = rows_of(*many_deployments())
    labels = rows.models

    def fit(some):  # type: ignore[no-untyped-def]
        seen = set(some.models.tolist())
        return lambda others: np.asarray([float(one in seen) for one in others.models])

    assert left_out(rows, labels, fit).tolist() == [0.0] * len(rows)
