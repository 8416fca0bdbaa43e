"""A verdict follows from the interval of the median error, its limit and the floor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.compare.accuracy import UNKNOWN_FLOOR, judge
from moeprof.compare.held import Held
from moeprof.store.verdicts.parts import Cause, HoldoutPoint, Outcome


def held(errors: list[float], floor: float | None = 0.001, has_interval: bool = True) -> Held:
    """Points with these errors, where negative of a model that is too fast."""
    points = [
        HoldoutPoint(
            tokens=i + 1,
            measured=10.0,
            predicted=10.0 * (1 + e if e >= 0 else 1 / (1 - e)),
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
    assert verdict.mape == pytest.approx((0.1 + 0.01 / 1.01) / 6)
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
        ([0.01] * 5, Outcome.AMBIGUOUS, "5 sizes compared, and a verdict needs 6"),
        ([], Outcome.AMBIGUOUS, "0 sizes compared, and a verdict needs 6"),
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
    ("error", "floor", "outcome"),
    [
        (0.02, 0.04, Outcome.PASS),  # noise makes no error smaller in the median
        (0.04, 0.04, Outcome.AMBIGUOUS),
        (0.06, 0.01, Outcome.FAIL),
        (0.3, 0.04, Outcome.FAIL),
        (0.6, 0.2, Outcome.FAIL),  # far beyond the floor, which is beyond the limit
    ],
)
def test_an_error_beyond_the_limit_counts_where_it_is_beyond_the_noise_too(
    error: float, floor: float, outcome: Outcome
) -> None:
    verdict = judge(held([error] * 8, floor=floor), 0.03)
    assert verdict.outcome is outcome
    if outcome is Outcome.AMBIGUOUS:
        assert {found.cause for found in verdict.findings} == {Cause.NOISE}
        assert "the repeatability floor of 4.00 % leaves open" in verdict.reason


@pytest.mark.parametrize(
    ("error", "outcome"), [(0.01, Outcome.PASS), (0.05, Outcome.FAIL), (0.0, Outcome.PASS)]
)
def test_an_unknown_floor_is_named_and_changes_no_outcome(error: float, outcome: Outcome) -> None:
    verdict = judge(held([error] * 8, floor=None), 0.03)
    assert verdict.outcome is outcome
    assert UNKNOWN_FLOOR in verdict.reason


def test_without_an_interval_of_the_model_coverage_is_unknown() -> None:
    assert judge(held([0.01] * 8, has_interval=False), 0.03).coverage_95 is None


GRAVER = {Outcome.PASS: 0, Outcome.AMBIGUOUS: 1, Outcome.FAIL: 2}
ERRORS = st.lists(st.floats(0, 0.9), min_size=1, max_size=12)


@given(
    ERRORS,
    st.lists(st.floats(0, 1), min_size=12, max_size=12),
    st.lists(st.sampled_from([-1, 1]), min_size=24, max_size=24),
    st.floats(0, 0.3),
)
def test_larger_errors_never_get_a_better_verdict(
    errors: list[float], more: list[float], signs: list[int], floor: float
) -> None:
    larger = [error + (0.95 - error) * by for error, by in zip(errors, more, strict=False)]
    judged = [
        judge(held([s * e for s, e in zip(of, one, strict=False)], floor=floor), 0.03).outcome
        for one, of in ((errors, signs[:12]), (larger, signs[12:]))
    ]
    assert GRAVER[judged[0]] <= GRAVER[judged[1]]


@given(ERRORS, st.floats(0.001, 0.2), st.floats(1, 10), st.floats(0, 0.3))
def test_a_laxer_limit_never_gets_a_worse_verdict(
    errors: list[float], limit: float, times: float, floor: float
) -> None:
    strict, lax = (judge(held(errors, floor=floor), one).outcome for one in (limit, limit * times))
    assert GRAVER[lax] <= GRAVER[strict]


@pytest.mark.parametrize(
    ("errors", "outcome"),
    [
        ([0.01] * 8 + [0.16], Outcome.AMBIGUOUS),  # one of nine sizes beyond 15 %
        ([0.01] * 19 + [0.16], Outcome.PASS),  # one of 20
        ([0.01] * 30 + [0.16] * 6, Outcome.FAIL),
    ],
)
def test_of_twenty_sizes_one_may_be_beyond_five_times_the_limit(
    errors: list[float], outcome: Outcome
) -> None:
    spread = [HoldoutPoint(100 + i, 10.0, 10 * (1 + e), None) for i, e in enumerate(errors)]
    verdict = judge(Held("fc1", "fc1", "latency", tuple(spread), 0.0, ()), 0.03)
    assert verdict.outcome is outcome
