"""A change of latency that a change of the SM clock explains is named so."""

from dataclasses import replace

import pytest

from moeprof.compare.regression.clocks import by_clocks, shift_by_clocks
from moeprof.compare.regression.paired import Twins
from moeprof.compare.regression.side import Side
from moeprof.store.verdicts.comparison import Change, CommonShift, Compared
from moeprof.tests.compare.regression.made_sides import SIZES, curve_of, make_side

CURVE = curve_of("fc1")


TWINS = Twins(CURVE, CURVE, is_mapped=False)


def sides(clock: float | None) -> tuple[Side, Side]:
    """OLD at 1980 MHz, and NEW at `clock` times that; None: no clock is known."""
    old, new = (
        make_side(clocks_mhz={} if mhz is None else {(CURVE, size): mhz for size in SIZES})
        for mhz in (1980.0, None if clock is None else 1980.0 * clock)
    )
    return old, new


def told(
    change: float, clock: float | None, metric: str = "latency", shared: float = 1.0
) -> str | None:
    """What is said of fc1, whose interval is 1 % to either side, when its clock changes.

    `change` is that without what most curves share.
    """
    verdict = Change.REGRESSION if change > 1 else Change.IMPROVED
    row = Compared(
        metric, "fc1", CURVE, None, "us", 9, None, None, change, change - 0.01, change + 0.01,
        0.0, 0.0, verdict,
    )  # fmt: skip
    return by_clocks(row, shared, *sides(clock), TWINS)


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


@pytest.mark.parametrize(
    ("change", "clock", "shared", "is_explained"),
    [
        (1.08, 0.91, 1.02, True),  # it computes, where most wait for memory
        (1.05, 0.91, 1.10, False),  # all computed, and it became slower besides
        (1.10, 1.10, 0.91, True),  # it waits for memory, where most gained by the clock
        (1.10, 1.10, 0.98, False),
    ],
)
def test_what_most_share_is_part_of_what_clocks_explain(
    change: float, clock: float, shared: float, is_explained: bool
) -> None:
    assert (told(change, clock, shared=shared) is not None) is is_explained


@pytest.mark.parametrize(
    ("change", "clock", "is_explained"),
    [(1.09, 0.91, True), (1.20, 0.91, False), (0.93, 1.08, True), (1.09, None, False)],
)
def test_what_most_share_may_be_the_clock(
    change: float, clock: float | None, is_explained: bool
) -> None:
    shift = CommonShift("latency", change, change - 0.01, change + 0.01, 6, 0.01, told=True)
    assert (shift_by_clocks(shift, *sides(clock), [TWINS]) is not None) is is_explained
    assert shift_by_clocks(replace(shift, told=False), *sides(clock), [TWINS]) is None
