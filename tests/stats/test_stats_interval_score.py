"""The interval score rewards narrow intervals that hold the truth."""

import numpy as np
import pytest

from moeprof.stats.interval_score import interval_scores


def test_the_score_of_an_interval_that_holds_the_truth_is_its_width() -> None:
    scores = interval_scores(np.array([0.0, -0.9]), np.array([1.0, 1.0]), 95)
    assert scores.tolist() == [2.0, 2.0]


def test_a_miss_costs_two_over_the_nominal_share_of_misses() -> None:
    (score,) = interval_scores(np.array([-0.3]), np.array([0.1]), 95)
    assert score == pytest.approx(0.2 + 40 * 0.2)


@pytest.mark.parametrize("percent", [50, 80, 95])
def test_the_mean_is_smallest_at_the_true_quantile(percent: int) -> None:
    errors = np.random.default_rng(0).standard_normal(20_000)
    right = float(np.quantile(np.abs(errors), percent / 100))
    means = {
        factor: interval_scores(errors, np.full(len(errors), factor * right), percent).mean()
        for factor in (0.7, 0.85, 1.0, 1.15, 1.3)
    }
    assert min(means, key=means.__getitem__) == 1.0
