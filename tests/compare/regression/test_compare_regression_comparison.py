"""Two sides become one comparison: what changed alone, what all share, and false alarms."""

from collections.abc import Mapping

import numpy as np
import pytest

from moeprof.compare.regression.comparison import compare_sides
from moeprof.compare.regression.judged import Rules
from moeprof.compare.regression.side import UNCONFIRMED, Reading, Side
from moeprof.store.verdicts.comparison import Change, Comparison
from moeprof.tests.compare.regression.made_sides import OPS, SIZES, curve_of, make_side


def compared(old: Side, new: Side, mapping: Mapping[str, str] | None = None) -> Comparison:
    return compare_sides("runs", old, new, Rules(), mapping or {})


def pair(
    factors: Mapping[str, float], seed: int = 0, level_sd: float = 0.004, size_sd: float = 0.005
) -> Comparison:
    """Compare two runs with chance differences; NEW takes `factors` times as long."""
    rng = np.random.default_rng(seed)
    old = make_side(rng=rng, level_sd=level_sd, size_sd=size_sd)
    return compared(old, make_side(factors, rng=rng, level_sd=level_sd, size_sd=size_sd))


def test_one_operation_that_is_slower_is_a_regression_of_it_alone() -> None:
    found = pair({"fc1": 1.15})
    verdicts = {row.op: row.verdict for row in found.ops}
    assert found.verdict is Change.REGRESSION
    assert [op for op in OPS if verdicts[op] is Change.REGRESSION] == ["fc1"]
    (fc1,) = [row for row in found.ops if row.op == "fc1"]
    assert fc1.lo is not None
    assert fc1.hi is not None
    assert fc1.lo < 1.15 < fc1.hi


def test_a_shift_of_all_is_told_apart_from_the_curve_that_changed_alone() -> None:
    found = pair(dict.fromkeys(OPS, 1.08) | {"gelu": 1.3})
    (shift,) = found.shifts
    assert shift.told
    assert shift.change == pytest.approx(1.08, abs=0.01)
    assert shift.n == len(OPS) - 1
    changed = [row.op for row in found.ops if row.verdict is Change.REGRESSION]
    assert changed == ["gelu"]


def test_a_shift_of_all_alone_is_open_and_a_faster_machine_is_no_regression() -> None:
    slower = pair(dict.fromkeys(OPS, 1.08))
    assert slower.verdict is Change.INCONCLUSIVE
    assert all(row.verdict is not Change.REGRESSION for row in (*slower.ops, *slower.sizes))
    faster = pair(dict.fromkeys(OPS, 0.92), level_sd=0.001)
    assert faster.verdict is Change.UNCHANGED
    assert faster.shifts[0].told


def test_another_fit_of_the_same_points_is_no_regression() -> None:
    old = make_side(digest="one")
    found = compared(old, make_side(dict.fromkeys(OPS, 1.1), digest="one"))
    assert found.verdict is Change.INCONCLUSIVE
    assert all(row.verdict is not Change.REGRESSION for row in (*found.ops, *found.sizes))
    assert "how they were fitted" in found.remarks[0]
    assert compared(old, old).remarks == ()


def test_one_size_that_is_slower_is_found_in_an_operation_that_is_not() -> None:
    rng = np.random.default_rng(4)
    old, new = (make_side(rng=rng, level_sd=0.001, size_sd=0.002) for _ in range(2))
    place = (curve_of("fc2"), 64)
    slow = Reading(new.values["latency"][place].value * 1.4, 0.001, 0.002, 2)
    new.values["latency"][place] = slow  # type: ignore[index]
    found = compared(old, new)
    regressions = [(row.op, row.tokens) for row in found.sizes if row.verdict is Change.REGRESSION]
    assert regressions == [("fc2", 64)]
    assert found.verdict is Change.REGRESSION


def test_a_size_that_was_disturbed_is_no_regression_by_itself() -> None:
    rng = np.random.default_rng(4)
    old, new = (make_side(rng=rng, level_sd=0.001, size_sd=0.002) for _ in range(2))
    place = (curve_of("fc2"), 64)
    slow = Reading(700.0, 0.001, 0.002, 2, "spread 593 % > 20 %")
    new.values["latency"][place] = slow  # type: ignore[index]
    found = compared(old, new)
    (row,) = [one for one in found.sizes if (one.op, one.tokens) == ("fc2", 64)]
    assert row.verdict is Change.INCONCLUSIVE
    assert row.reason == "on NEW: spread 593 % > 20 %"


def test_a_curve_that_was_mostly_measured_once_is_open() -> None:
    old = make_side(size_sd=0.001)
    new = make_side({"relu": 1.3}, size_sd=0.001, digest="another run")
    for size in SIZES[:-4]:
        place = (curve_of("relu"), size)
        once = Reading(new.values["latency"][place].value, 0.001, None, 1, UNCONFIRMED)
        new.values["latency"][place] = once  # type: ignore[index]
    (relu,) = [row for row in compared(old, new).ops if row.op == "relu"]
    assert (relu.verdict, relu.lo) == (Change.INCONCLUSIVE, None)
    assert "most sizes are unconfirmed" in str(relu.reason)


@pytest.mark.parametrize(("level_sd", "size_sd"), [(0.003, 0.003), (0.03, 0.01), (0.1, 0.05)])
def test_two_runs_of_one_build_raise_few_alarms(level_sd: float, size_sd: float) -> None:
    alarms = 0
    for seed in range(60):
        found = pair({}, seed, level_sd=level_sd, size_sd=size_sd)
        alarms += any(r.verdict is Change.REGRESSION for r in (*found.ops, *found.sizes))
    assert alarms <= 6  # at 5 %: more in 2 of 100


def test_a_measurement_against_itself_is_unchanged() -> None:
    side = make_side(size_sd=0.05)
    found = compared(side, side)
    assert found.verdict is Change.UNCHANGED
    assert {row.change for row in (*found.ops, *found.sizes)} == {1.0}


def test_an_operation_against_another_is_judged_alone() -> None:
    side = make_side({"fc2": 1.2})
    found = compared(side, side, {"fc2": "fc1"})
    assert [(row.op, row.verdict) for row in found.ops] == [("fc2", Change.REGRESSION)]
    assert found.ops[0].change == pytest.approx(1.2)


def test_of_one_operation_alone_two_runs_tell_nothing() -> None:
    old, new = make_side(ops=("fc1",)), make_side({"fc1": 2.0}, ops=("fc1",), digest="other")
    found = compared(old, new)
    (row,) = found.ops
    assert (row.verdict, row.lo, row.change) == (Change.INCONCLUSIVE, None, 2.0)
    assert "fewer than 4 operations" in str(row.reason)
    assert len(found.sizes) == len(SIZES)


def test_where_clocks_fell_each_size_that_is_slower_says_so() -> None:
    rng = np.random.default_rng(4)
    old, new = (
        make_side(
            factors,
            rng=rng,
            level_sd=0.002,
            size_sd=0.002,
            clocks_mhz={(curve_of(op), size): mhz for op in OPS for size in SIZES},
        )
        for factors, mhz in (({}, 1980.0), ({"fc1": 1.09}, 1800.0))
    )
    found = compared(old, new)
    slower = [row for row in (*found.ops, *found.sizes) if row.verdict is Change.REGRESSION]
    assert slower
    assert all("from 1,980 to 1,800 MHz" in (row.by_clocks or "") for row in slower)
