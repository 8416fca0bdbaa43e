"""Repeats: the times of a visit's calls, or the problem with them."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from moeprof.parsers.repeats.times import RepeatTimes, repeats_by_scenario
from moeprof.store.recording import Failure, PointTiming, Recording
from moeprof.store.tables.parquet import table_from_columns

Maker = Callable[..., Recording]


def _repeat_calls(*rows: dict[str, Any]) -> pa.Table:
    common = {"recording": "gelu.0", "scenario_key": "k", "visit": 0, "kernels": 0}
    filled = [common | row for row in rows]
    names = {name for row in filled for name in row}
    return table_from_columns("calls", {name: [r.get(name) for r in filled] for name in names})


def _one(recording: Recording, *rows: dict[str, Any]) -> RepeatTimes:
    (repeat,) = repeats_by_scenario(_repeat_calls(*rows), [recording])["k"]
    return repeat


def _timed(calls: int, visit: int = 0) -> PointTiming:
    return PointTiming("k", visit, calls, (1,) * calls, 0, 1)


def test_kernel_time_is_the_latency_where_kernels_were_traced(
    recording: Maker,
) -> None:
    rows = [{"busy_ns": 10, "gap_ns": 2, "wall_ns": 99}, {"busy_ns": 12, "gap_ns": 3}]
    repeat = _one(recording([_timed(2)]), *rows)
    assert (repeat.source, repeat.problem) == ("kernel", None)
    assert repeat.latency_ns.tolist() == [10.0, 12.0]
    assert repeat.gap_ns.tolist() == [2.0, 3.0]


def test_calls_with_an_untimed_kernel_are_left_out_and_counted(recording: Maker) -> None:
    untimed = {"kernels": 2, "signature": "b"}
    rows = [{"busy_ns": 10, "gap_ns": 2, "signature": "a"}, untimed, untimed]
    repeat = _one(recording([_timed(3)]), *rows)
    assert (repeat.problem, repeat.untimed_calls) == (None, 2)
    assert (repeat.latency_ns.tolist(), repeat.gap_ns.tolist()) == ([10.0], [2.0])
    assert repeat.signatures == {"a"}


def test_a_tenth_of_the_calls_may_lack_their_kernel_or_their_range(recording: Maker) -> None:
    rows: list[dict[str, Any]] = [{"busy_ns": 10, "gap_ns": 2, "signature": "a"}] * 18
    repeat = _one(recording([_timed(20)]), *rows, {})
    assert (repeat.problem, repeat.untimed_calls) == (None, 2)
    assert repeat.latency_ns.tolist() == [10.0] * 18
    too_few = _one(recording([_timed(20)]), *rows[:16], {}, {}, {})
    assert too_few.problem == "3 of 19 calls hold no kernel"


def test_wall_time_is_the_latency_elsewhere(recording: Maker) -> None:
    repeat = _one(recording([_timed(1)]), {"wall_ns": 7})
    assert (repeat.source, repeat.latency_ns.tolist()) == ("wall", [7.0])


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"wall_ns": 5}] * 2, "2 of 3 ranges are in the trace"),
        ([{"wall_ns": 5}] * 4, "4 of 3 ranges are in the trace"),
        ([], "0 of 3 ranges are in the trace"),
        ([{"busy_ns": 5}, {"busy_ns": 5}, {}], "1 of 3 calls hold no kernel"),
        ([{}] * 3, "3 of 3 calls hold no kernel"),
        ([{"busy_ns": 5}, {"busy_ns": 5}, {"busy_ns": 0}], "1 of 3 calls took no time at all"),
        ([{"busy_ns": 5}, {"kernels": 2}, {}], "1 of 3 calls hold no kernel"),
        ([{"busy_ns": 5}, {"kernels": 2}, {"busy_ns": 0}], "1 of 3 calls took no time at all"),
        ([{"kernels": 2}] * 3, "3 of 3 calls hold a kernel without a time"),
    ],
)
def test_a_repeat_that_is_not_complete_has_a_problem(
    recording: Maker, rows: list[dict[str, Any]], problem: str
) -> None:
    repeat = _one(recording([_timed(3)]), *rows)
    assert repeat.problem == problem
    assert len(repeat.latency_ns) == 0


def test_repeats_differ_by_recording_and_number(
    recording: Maker,
) -> None:
    calls = _repeat_calls(
        {"wall_ns": 1}, {"wall_ns": 2, "visit": 1}, {"wall_ns": 3, "recording": "gelu.1"}
    )
    recordings = [
        recording([_timed(1), _timed(1, visit=1)], [Failure("k", 2, "out of memory")]),
        recording([_timed(1)], unit="gelu.1"),
    ]
    repeats = repeats_by_scenario(calls, recordings)["k"]
    assert [repeat.latency_ns.tolist() for repeat in repeats] == [[1.0], [2.0], [], [3.0]]
    assert repeats[2].problem == "out of memory"
