"""Intervals of rows in clusters are as wide as the clusters differ, whatever the rows are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.compare.steptime.clusters import FEWEST_CLUSTERS, Clusters, expanded_tail


def placed(clusters: int, rows: int) -> np.ndarray:
    """Each of `clusters` with as many rows."""
    return np.repeat(np.arange(clusters), rows)


def test_below_six_clusters_there_is_no_interval_however_many_rows() -> None:
    for count in (1, FEWEST_CLUSTERS - 1):
        clusters = Clusters.of(placed(count, 1000))
        assert clusters.interval(clusters.mean(np.arange(count * 1000.0))) is None


def test_rows_of_one_cluster_that_repeat_narrow_no_interval() -> None:
    errors = np.random.default_rng(0).normal(size=20)
    widths = []
    for rows in (1, 50):
        clusters = Clusters.of(placed(20, rows))
        found = clusters.interval(clusters.mean(np.repeat(errors, rows)))
        assert found is not None
        widths.append(found[1] - found[0])
    assert widths[1] == pytest.approx(widths[0])


def test_the_interval_of_a_mean_is_that_of_student() -> None:
    errors = np.random.default_rng(1).normal(size=40)
    clusters = Clusters.of(placed(40, 3))
    found = clusters.interval(clusters.mean(np.repeat(errors, 3)))
    assert found is not None
    half = 2.023 * errors.std(ddof=1) / np.sqrt(40)
    assert found == pytest.approx((errors.mean() - half, errors.mean() + half), abs=0.15 * half)


def test_the_median_is_enclosed_as_often_as_the_interval_says() -> None:
    rng, enclosed, trials = np.random.default_rng(2), 0, 200
    for seed in range(trials):
        sizes = rng.geometric(0.1, size=30)
        place = np.repeat(np.arange(30), sizes)
        values = rng.normal(size=30)[place] + 0.5 * rng.normal(size=len(place))
        clusters = Clusters.of(place, seed)
        low, high = clusters.interval(clusters.quantile(values, 0.5)) or (np.nan, np.nan)
        enclosed += bool(low <= 0 <= high)
    assert 0.88 * trials <= enclosed <= 0.99 * trials


def test_fewer_clusters_leave_out_less_at_the_ends() -> None:
    tails = [expanded_tail(count) for count in (6, 20, 1000)]
    assert tails == sorted(tails)
    assert tails[-1] == pytest.approx(0.025, abs=3e-4)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=40), st.floats(0.05, 0.95))
def test_a_quantile_of_a_draw_is_a_value_of_the_rows(values: list[float], share: float) -> None:
    rows = np.asarray(values)
    clusters = Clusters.of(np.arange(len(rows)) % 7)
    assert np.isin(clusters.quantile(rows, share), rows).all()


def test_many_values_are_looked_at_on_a_grid() -> None:
    values = np.random.default_rng(3).uniform(size=5000)
    clusters = Clusters.of(placed(500, 10))
    found = clusters.interval(clusters.quantile(values, 0.9))
    assert found is not None
    assert found[0] < 0.9 < found[1]
    assert found[1] - found[0] < 0.03
