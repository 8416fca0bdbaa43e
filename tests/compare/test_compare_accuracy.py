"""A verdict follows from the interval of the median error, its limit and the floor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.compare.accuracy import UNKNOWN_FLOOR, Held, judge, overall
from moeprof.store.verdict import HoldoutPoint, Outcome


def held(errors: list[float], floor: float | None = 0.001, has_interval: bool = True) -> Held:
    """Points that were predicted off by these signed relative errors."""
    points = [
        HoldoutPoint(
            tokens=i + 1,
            measured=10.0,
            predicted=10.0 * (1 + e),
            inside_95=e < 0.02 if has_interval else None,
            inside_80=e < 0.0 if has_interval else None,
        )
        for i, e in enumerate(errors)
    ]
    return Held("fc1-fp32", "fc1", "latency", tuple(points), floor, ())


def test_the_numbers_behind_a_verdict() -> None:
    verdict = judge(held([-0.01, 0.01, 0.01, 0.01, 0.02, 0.05]), 0.03)
    assert (verdict.n, verdict.limit, verdict.floor) == (6, 0.03, 0.001)
    assert verdict.median == pytest.approx(0.01)
    assert verdict.bias == pytest.approx(0.01)
    assert verdict.max == pytest.approx(0.05)
    assert verdict.p95 == pytest.approx(0.02 + 0.75 * 0.03)
    assert verdict.mape == pytest.approx(0.11 / 6)
    assert verdict.coverage_95 == pytest.approx(4 / 6)
    assert verdict.coverage_80 == pytest.approx(1 / 6)
    assert verdict.coverage_50 is None
    assert verdict.median_lo is not None
    assert verdict.median_hi is not None
    assert 0.01 <= verdict.median_lo + 1e-12
    assert verdict.median_hi <= 0.05


@pytest.mark.parametrize(
    ("errors", "outcome", "reason"),
    [
        ([0.01] * 8, Outcome.PASS, "at most 1.00 %, within the limit of 3.00 %"),
        ([-0.05] * 8, Outcome.FAIL, "at least 5.00 %, beyond the limit of 3.00 %"),
        ([0.01, 0.05] * 4, Outcome.AMBIGUOUS, "anywhere from 1.00 % to 5.00 %"),
        ([0.01] * 5, Outcome.AMBIGUOUS, "5 points compared, and a verdict needs 6"),
        ([], Outcome.AMBIGUOUS, "0 points compared, and a verdict needs 6"),
    ],
)
def test_the_outcome_follows_from_where_the_limit_lies(
    errors: list[float], outcome: Outcome, reason: str
) -> None:
    verdict = judge(held(errors), 0.03)
    assert verdict.outcome is outcome
    assert reason in verdict.reason
    assert UNKNOWN_FLOOR not in verdict.reason


def test_without_points_every_number_is_none() -> None:
    verdict = judge(held([]), 0.03)
    numbers = (verdict.median, verdict.p95, verdict.max, verdict.bias, verdict.coverage_95)
    assert (*numbers, verdict.median_lo, verdict.median_hi) == (None,) * 7


@pytest.mark.parametrize(
    ("errors", "outcome"),
    [
        ([0.01] * 8, Outcome.AMBIGUOUS),
        ([0.035] * 8, Outcome.AMBIGUOUS),
        ([0.035, 0.3] * 4, Outcome.AMBIGUOUS),
        ([0.3] * 8, Outcome.FAIL),
    ],
)
def test_an_error_under_the_repeatability_floor_is_noise_and_one_above_it_is_not(
    errors: list[float], outcome: Outcome
) -> None:
    verdict = judge(held(errors, floor=0.04), 0.03)
    assert verdict.outcome is outcome
    assert "the limit of 3.00 % is under the repeatability floor of 4.00 %" in verdict.reason


@pytest.mark.parametrize(
    ("error", "outcome"), [(0.01, Outcome.PASS), (0.05, Outcome.FAIL), (0.0, Outcome.PASS)]
)
def test_an_unknown_floor_is_named_and_changes_no_outcome(error: float, outcome: Outcome) -> None:
    verdict = judge(held([error] * 8, floor=None), 0.03)
    assert verdict.outcome is outcome
    assert UNKNOWN_FLOOR in verdict.reason


def test_without_an_interval_of_the_model_coverage_is_unknown() -> None:
    assert judge(held([0.01] * 8, has_interval=False), 0.03).coverage_95 is None


@given(st.lists(st.sampled_from(list(Outcome))))
def test_the_outcome_of_the_whole_is_that_of_its_worst_part(outcomes: list[Outcome]) -> None:
    whole = overall(outcomes)
    if Outcome.FAIL in outcomes:
        assert whole is Outcome.FAIL
    elif Outcome.AMBIGUOUS in outcomes or not outcomes:
        assert whole is Outcome.AMBIGUOUS
    else:
        assert whole is Outcome.PASS
