"""A change of latency that a change of the SM clock explains is named so."""

import pytest

from moeprof.compare.regression.clocks import by_clocks
from moeprof.compare.regression.paired import Twins
from moeprof.store.verdicts.comparison import Change, Compared
from moeprof.tests.compare.regression.made_sides import SIZES, curve_of, make_side

CURVE = curve_of("fc1")


def told(change: float, clock: float | None, metric: str = "latency") -> str | None:
    """What is said of fc1, whose interval is 1 % to either side, when its clock changes."""
    verdict = Change.REGRESSION if change > 1 else Change.IMPROVED
    row = Compared(
        metric, "fc1", CURVE, None, "us", 9, None, None, change, change - 0.01, change + 0.01,
        0.0, 0.0, verdict,
    )  # fmt: skip
    old, new = (
        make_side(clocks_mhz={} if mhz is None else {(CURVE, size): mhz for size in SIZES})
        for mhz in (1980.0, None if clock is None else 1980.0 * clock)
    )
    return by_clocks(row, old, new, Twins(CURVE, CURVE, is_mapped=False))


@pytest.mark.parametrize(("change", "clock"), [(1.10, 0.91), (1.05, 0.90), (0.90, 1.12)])
def test_a_change_no_larger_than_that_of_the_clock_is_explained(
    change: float, clock: float
) -> None:
    assert "the SM clock went from 1,980 to" in str(told(change, clock))


@pytest.mark.parametrize(
    ("change", "clock"), [(1.10, 0.97), (1.10, 1.10), (0.90, 0.90), (1.10, 1.0), (1.10, None)]
)
def test_a_larger_change_or_another_direction_is_not(change: float, clock: float | None) -> None:
    assert told(change, clock) is None


def test_clocks_are_said_of_time_alone() -> None:
    assert told(1.10, 0.91, metric="energy") is None
