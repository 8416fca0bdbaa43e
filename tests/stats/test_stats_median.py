"""The interval of a median covers it as often as it says, whatever the distribution."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.stats.median import median_interval
from moeprof.store.verdicts.verdict import MIN_HELD_OUT

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=40)


def test_a_verdict_compares_no_fewer_points_than_have_an_interval() -> None:
    points = [float(place) for place in range(MIN_HELD_OUT)]
    assert median_interval(points) is not None
    assert median_interval(points[1:]) is None


def test_too_few_values_have_no_interval() -> None:
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0]) is None
    assert median_interval([]) is None
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) is not None
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], level=0.99) is None


def test_an_exact_level_is_the_order_statistics_themselves() -> None:
    # Of 8 values, the second smallest and largest hold the median at 1 - 2 * 9 / 256.
    assert median_interval(list(range(8)), level=1 - 18 / 256) == (1, 6)


def test_between_two_levels_it_is_interpolated() -> None:
    # By hand, of 10 values: levels 1 - 22/1024 and 1 - 112/1024 at depths 2 and 3.
    wide, narrow = 1 - 22 / 1024, 1 - 112 / 1024
    excess = (wide - 0.95) / (wide - narrow)
    share = 8 * excess / (2 + 6 * excess)
    assert median_interval(list(range(10))) == pytest.approx((1 + share, 8 - share))


@pytest.mark.parametrize("n", [6, 8, 15, 40])
@pytest.mark.parametrize("distribution", ["normal", "lognormal", "uniform"])
def test_it_covers_the_median_at_its_level(n: int, distribution: str) -> None:
    rng = np.random.default_rng(n)
    draws, median = {
        "normal": (rng.normal(size=(2000, n)), 0.0),
        "lognormal": (rng.lognormal(size=(2000, n)), 1.0),
        "uniform": (rng.uniform(size=(2000, n)), 0.5),
    }[distribution]
    intervals = [median_interval(values) for values in draws.tolist()]
    covered = np.mean([i is not None and i[0] <= median <= i[1] for i in intervals])
    assert covered == pytest.approx(0.95, abs=0.02)


@settings(max_examples=60)
@given(VALUES, st.sampled_from([0.5, 0.8, 0.95]))
def test_it_lies_within_the_values_around_their_median(values: list[float], level: float) -> None:
    interval = median_interval(values, level)
    assert interval is not None
    low, high = interval
    slack = 1e-9 * (1 + max(map(abs, values)))
    assert min(values) - slack <= low <= np.median(values) + slack
    assert np.median(values) - slack <= high <= max(values) + slack


@settings(max_examples=60)
@given(VALUES)
def test_a_higher_level_is_wider_and_order_does_not_matter(values: list[float]) -> None:
    inner, outer = median_interval(values, 0.8), median_interval(values, 0.95)
    assert inner is not None
    assert outer is not None
    slack = 1e-9 * (1 + max(map(abs, values)))
    assert outer[0] <= inner[0] + slack
    assert inner[1] <= outer[1] + slack
    assert median_interval(values[::-1]) == median_interval(values)


@pytest.mark.parametrize("value", [nan, inf])
def test_a_value_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        median_interval([1.0] * 8 + [value])


@pytest.mark.parametrize("level", [0.0, 0.49, 1.0, 95.0])
def test_a_level_that_is_none_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        median_interval([1.0] * 8, level)
