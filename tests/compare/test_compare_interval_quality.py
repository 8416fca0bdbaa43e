"""Intervals are judged by what they cover and by how much wider than the errors they are."""

from math import exp

import pytest

from moeprof.compare.interval_quality import judge_intervals
from moeprof.store.verdicts.parts import HoldoutPoint, IntervalQuality


def quality(errors: list[float], half_95: float) -> IntervalQuality:
    """Judge intervals of one half width, at points off by these |log| ratios."""
    found = judge_intervals(
        [
            HoldoutPoint(
                tokens=i + 1,
                measured=10.0,
                predicted=10.0 * exp(error),
                inside_95=abs(error) <= half_95,
                inside_80=abs(error) <= 0.654 * half_95,
                inside_50=abs(error) <= 0.344 * half_95,
                half_95=half_95,
            )
            for i, error in enumerate(errors)
        ]
    )
    assert found is not None
    return found


EIGHT = [0.001, 0.002, 0.004, 0.005, 0.006, 0.008, 0.01, 0.02]


def test_intervals_that_fit_are_not_remarked_upon() -> None:
    found = quality(EIGHT, 0.02)
    assert found.remark is None
    assert found.times_too_wide == pytest.approx(1.0)
    assert found.half_width_95 == 0.02
    assert found.score_95 == pytest.approx(0.04)  # nothing is missed: the width alone


def test_intervals_that_cover_all_and_are_ten_times_wider_are_told() -> None:
    found = quality(EIGHT, 0.2)
    assert found.coverage_95 == 1.0
    assert found.times_too_wide == pytest.approx(10.0)
    assert found.remark == "intervals are 10 times wider than needed"


def test_intervals_that_cover_too_little_are_told() -> None:
    found = quality(EIGHT, 0.005)
    assert found.coverage_95 == 0.5
    assert found.remark == "intervals of 80 % cover 25 % of 8 sizes"
    assert found.score_95 > 0.1


def test_of_many_sizes_one_beyond_the_interval_is_no_fault() -> None:
    assert quality([0.01] * 39 + [0.5], 0.02).remark is None


def test_an_error_of_zero_makes_no_interval_infinitely_too_wide() -> None:
    assert quality([0.0] * 8, 0.05).times_too_wide == pytest.approx(50)


def test_without_intervals_there_is_no_judgement() -> None:
    assert judge_intervals([HoldoutPoint(1, 10.0, 10.0, None)]) is None
