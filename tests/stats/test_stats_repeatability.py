"""How many readings a change takes, against a simulation; spreads of repeated readings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from moeprof.stats.repeatability import readings_needed, repeat_difference, repeatability_of

spreads = st.floats(1e-4, 0.2)
changes = st.floats(0.005, 0.3)


@pytest.mark.parametrize(("spread", "change"), [(0.02, 0.03), (0.02, 0.01), (0.05, 0.05)])
def test_so_many_readings_see_the_change_in_four_of_five_comparisons(
    spread: float, change: float
) -> None:
    readings = readings_needed(spread, change)
    assert readings is not None
    draw = np.random.default_rng(0)
    shape = (4000, readings)
    before = draw.normal(0, spread, shape)
    after = draw.normal(np.log1p(change), spread, shape)
    seen = float(np.mean(ttest_ind(before, after, axis=1).pvalue < 0.05))
    assert 0.78 <= seen <= 0.88  # readings are whole


@given(spread=spreads, change=changes, factor=st.floats(1, 3))
@settings(max_examples=50)
def test_more_noise_takes_more_readings_and_a_greater_change_fewer(
    spread: float, change: float, factor: float
) -> None:
    def needed(spread: float, change: float) -> float:
        return readings_needed(spread, change) or float("inf")

    assert 2 <= needed(spread, change) <= needed(spread * factor, change)
    assert needed(spread, change * factor) <= needed(spread, change)


def test_one_disturbed_reading_does_not_move_the_spread() -> None:
    draw = np.random.default_rng(1)
    readings = [list(draw.normal(1e6, 1e4, 50)) for _ in range(3)]
    quiet = repeatability_of(readings)
    readings[0][0] *= 50
    assert quiet.spread == pytest.approx(0.01, rel=0.2)
    assert repeatability_of(readings).spread == pytest.approx(quiet.spread, rel=0.05)


def test_the_spread_is_that_of_readings_with_a_process_each() -> None:
    draw = np.random.default_rng(2)
    spreads = [
        repeatability_of(
            [np.exp(draw.normal(draw.normal(0, 0.02), 0.01, 6)).tolist() for _ in range(3)]
        ).spread
        for _ in range(400)
    ]
    assert np.sqrt(np.mean(np.square(spreads))) == pytest.approx(np.hypot(0.01, 0.02), rel=0.1)


def test_a_process_that_is_slower_than_its_equals_is_shown() -> None:
    found = repeatability_of([[100, 101, 99], [100, 101, 99], [105, 106, 104]])
    assert found.shift == pytest.approx(0.05)
    assert found.spread > 0.05 / 2
    assert found.readings == 9


def test_more_noise_than_any_number_of_readings_averages_out_has_none() -> None:
    assert readings_needed(5, 0.01) is None


def test_the_repeat_difference_is_the_log_ratio_of_highest_and_lowest() -> None:
    assert repeat_difference([2.0, 3.0, 1.0]) == pytest.approx(np.log(3))
    assert repeat_difference([2.0, 2.0]) == 0
    assert repeat_difference([2.0]) is None
    assert repeat_difference([2.0, 0.0]) is None
