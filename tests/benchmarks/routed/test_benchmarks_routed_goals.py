"""Goals of the routing benchmark: met, missed or skipped, and times taken in turns."""

from functools import partial
from math import nan

from moeprof.benchmarks.routed.goals import at_least, at_most, skipped, timed_in_turns


def test_a_goal_is_met_at_its_limit_and_never_by_nan() -> None:
    assert [at_most("gap", value, "", 1e-4).met for value in (1e-4, 2e-4, nan)] == [1, 0, 0]
    assert [at_least("mass", value, "", 1.0).met for value in (1.0, 0.9, nan)] == [1, 0, 0]


def test_what_is_skipped_has_no_value_and_no_verdict() -> None:
    row = skipped("Clarabel", "ms", "cvxpy is not installed")
    assert (row.value, row.met, row.why) == (None, None, "cvxpy is not installed")


def test_each_call_is_made_once_a_turn() -> None:
    calls: list[str] = []
    both = {"a": partial(calls.append, "a"), "b": partial(calls.append, "b")}
    times = timed_in_turns(both, 10)
    assert calls.count("a") == calls.count("b")
    assert {"a", "b"} == set(calls[:2])
    assert times["a"].median_us <= times["a"].p99_us
