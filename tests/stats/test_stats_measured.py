"""Measured values: scaled, subtracted and compared with their intervals."""

import math

import pytest

from moeprof.stats.measured import Measured, difference, disagreement


def test_a_difference_may_be_negative_and_contains_both_intervals() -> None:
    found = difference(Measured(100.0, 3.0, 9), Measured(104.0, 4.0, 5))
    assert found == Measured(-4.0, 5.0, 5)
    missing = Measured(None, None, 0, "why")
    assert difference(missing, found) == missing
    assert difference(found, missing) == missing


def test_two_values_differ_relative_to_the_second() -> None:
    assert disagreement(Measured(103, 1, 9), Measured(100, 1, 9)) == pytest.approx(0.03)
    assert disagreement(Measured(None, None, 0, "why"), Measured(100, 1, 9)) is None


def test_a_value_is_scaled_with_its_interval() -> None:
    per_launch = Measured(480.0, 2.0, 9).scaled(1.5 * 1000 / 30000)
    assert per_launch.value == pytest.approx(24.0)
    assert per_launch.ci95 == pytest.approx(0.1)
    assert Measured(None, None, 0, "why").scaled(2).reason == "why"
    assert math.isclose(Measured(1.0, None, 1).scaled(2).value or 0, 2)
