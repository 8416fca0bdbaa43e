"""The script's own clock as calls."""

from collections.abc import Callable

from moeprof.parsers.cpu_calls import cpu_calls
from moeprof.store.recording import PointTiming, Recording


def test_every_timed_call_is_a_row(recording: Callable[..., Recording]) -> None:
    served = [
        PointTiming("gelu-b4", 0, 2, (10, 12), 0, 1),
        PointTiming("gelu-b4", 1, 1, (11,), 2, 3),
    ]
    rows = cpu_calls(recording(served)).to_pylist()
    found = [(row["scenario_key"], row["visit"], row["call"], row["wall_ns"]) for row in rows]
    assert found == [("gelu-b4", 0, 0, 10), ("gelu-b4", 0, 1, 12), ("gelu-b4", 1, 0, 11)]
    assert {row["busy_ns"] for row in rows} == {None}


def test_a_unit_that_served_nothing_has_no_rows(recording: Callable[..., Recording]) -> None:
    assert cpu_calls(recording()).num_rows == 0
