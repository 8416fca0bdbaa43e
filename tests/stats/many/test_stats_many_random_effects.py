"""A random-effects mean, against its plain limits and simulated truth."""

import numpy as np
import pytest

from moeprof.stats.many.random_effects import common_mean


def test_values_that_are_sure_of_themselves_have_the_plain_mean_and_spread() -> None:
    values = np.array([1.0, 2.0, 4.0, 5.0])
    found = common_mean(values, np.zeros(4))
    assert found.mean == pytest.approx(3.0)
    assert found.between == pytest.approx(values.std(ddof=1))
    assert found.standard_error == pytest.approx(found.between / 2)


def test_values_that_differ_by_no_more_than_their_errors_have_nothing_between() -> None:
    found = common_mean(np.array([1.0, 1.01, 0.99]), np.full(3, 0.1))
    assert found.between == pytest.approx(0.0, abs=1e-8)
    assert found.error_of(0.1) == pytest.approx(0.1 * (1 + 1 / 3) ** 0.5)


def test_a_value_that_is_unsure_says_little_of_the_others() -> None:
    values, own = np.array([0.0, 0.01, -0.01, 0.02, 3.0]), np.array([0.001] * 4 + [2.0])
    found = common_mean(values, own)
    assert abs(found.mean) < 0.02
    assert found.between < 0.03


def test_equal_values_have_a_mean() -> None:
    found = common_mean(np.ones(4), np.zeros(4))
    assert found.mean == pytest.approx(1.0)
    assert found.between == pytest.approx(0.0, abs=1e-8)


def test_the_spread_between_is_found_among_errors() -> None:
    rng = np.random.default_rng(5)
    own = rng.uniform(0.5, 2.0, 400)
    found = common_mean(7 + rng.normal(0, 1.5, 400) + rng.normal(0, own), own)
    assert found.between == pytest.approx(1.5, rel=0.1)
    assert found.mean == pytest.approx(7, abs=4 * found.standard_error)
