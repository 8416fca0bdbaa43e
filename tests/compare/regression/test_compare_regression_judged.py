"""A change becomes a verdict by the least effect and by how many comparisons there are."""

import pytest

from moeprof.compare.regression.judged import NotJudged, Rules, judge_all, overall
from moeprof.store.verdicts.comparison import Change, Compared

ROW = Compared(
    "latency", "fc1", "fc1-fp32-cold", None, "us", 9, None, None, 1.0, None, None, 1.0, 1.0,
    Change.INCONCLUSIVE,
)  # fmt: skip


def verdict(change: float, sd: float, others: int = 0, p_apart: float = 0.0) -> Change:
    tested = [NotJudged(ROW, change, sd, 30, p_apart), *[NotJudged(ROW, 0.0, 0.01, 30)] * others]
    return judge_all(tested, Rules(), families=1)[0].verdict


@pytest.mark.parametrize(
    ("change", "sd", "expected"),
    [
        (0.03, 0.005, Change.REGRESSION),
        (-0.03, 0.005, Change.IMPROVED),
        (0.0, 0.005, Change.UNCHANGED),
        (0.0, 0.05, Change.INCONCLUSIVE),
        (0.009, 0.0001, Change.UNCHANGED),
        (0.03, 0.02, Change.INCONCLUSIVE),
    ],
)
def test_a_change_beyond_the_least_effect_counts(
    change: float, sd: float, expected: Change
) -> None:
    assert verdict(change, sd) is expected


def test_among_many_comparisons_a_change_must_be_clearer() -> None:
    assert verdict(0.03, 0.008) is Change.REGRESSION
    assert verdict(0.03, 0.008, others=50) is Change.INCONCLUSIVE


def test_a_curve_that_may_be_one_of_the_others_is_open() -> None:
    assert verdict(0.03, 0.005, p_apart=0.2) is Change.INCONCLUSIVE


def test_without_a_spread_a_change_is_open_for_its_reason() -> None:
    (row,) = judge_all([NotJudged(ROW, 0.7, None, 1.0, reason="too few")], Rules())
    assert (row.verdict, row.reason, row.lo) == (Change.INCONCLUSIVE, "too few", None)


def test_a_regression_outweighs_and_an_open_one_comes_before_an_improvement() -> None:
    rows = {change: judge_row(change) for change in Change}
    assert overall(rows.values()) is Change.REGRESSION
    assert overall([rows[Change.IMPROVED], rows[Change.INCONCLUSIVE]]) is Change.INCONCLUSIVE
    assert overall([rows[Change.IMPROVED], rows[Change.UNCHANGED]]) is Change.IMPROVED
    assert overall([rows[Change.UNCHANGED]]) is Change.UNCHANGED
    assert overall([]) is Change.INCONCLUSIVE


def judge_row(change: Change) -> Compared:
    moves = {Change.REGRESSION: 0.1, Change.IMPROVED: -0.1, Change.UNCHANGED: 0.0}
    sd = 0.5 if change is Change.INCONCLUSIVE else 0.001
    (row,) = judge_all([NotJudged(ROW, moves.get(change, 0.0), sd, 30)], Rules())
    return row
