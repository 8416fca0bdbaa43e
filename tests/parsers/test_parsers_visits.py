"""Visits are held against what the script says it served."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from moeprof.parsers.visits import RepeatTimes, visits_by_scenario
from moeprof.store.recording import Failure, PointTiming, Recording
from moeprof.store.tables import table_from_columns


def _calls(*rows: dict[str, Any]) -> pa.Table:
    common = {"recording": "gelu.0", "scenario_key": "k", "visit": 0, "kernels": 0}
    filled = [common | row for row in rows]
    names = ("recording", "scenario_key", "visit", "kernels", "wall_ns", "busy_ns", "gap_ns")
    return table_from_columns("calls", {name: [r.get(name) for r in filled] for name in names})


def _one(recording: Recording, *rows: dict[str, Any]) -> RepeatTimes:
    (visit,) = visits_by_scenario(_calls(*rows), [recording])["k"]
    return visit


def _served(calls: int, visit: int = 0) -> PointTiming:
    return PointTiming("k", visit, calls, (1,) * calls, 0, 1)


def test_kernel_time_is_the_latency_where_kernels_were_traced(
    recording: Callable[..., Recording],
) -> None:
    rows = [{"busy_ns": 10, "gap_ns": 2, "wall_ns": 99}, {"busy_ns": 12, "gap_ns": 3}]
    visit = _one(recording([_served(2)]), *rows)
    assert (visit.source, visit.problem) == ("kernel", None)
    assert visit.latency_ns.tolist() == [10.0, 12.0]
    assert visit.gap_ns.tolist() == [2.0, 3.0]


def test_wall_time_is_the_latency_elsewhere(recording: Callable[..., Recording]) -> None:
    visit = _one(recording([_served(1)]), {"wall_ns": 7})
    assert (visit.source, visit.latency_ns.tolist()) == ("wall", [7.0])


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"wall_ns": 5}] * 2, "2 of 3 ranges are in the trace"),
        ([{"wall_ns": 5}] * 4, "4 of 3 ranges are in the trace"),
        ([], "0 of 3 ranges are in the trace"),
        ([{"busy_ns": 5}, {"busy_ns": 5}, {}], "1 of 3 calls hold no kernel"),
        ([{}] * 3, "3 of 3 calls hold no kernel"),
        ([{"busy_ns": 5}, {"busy_ns": 5}, {"busy_ns": 0}], "1 of 3 calls took no time at all"),
    ],
)
def test_a_visit_that_is_not_whole_says_what_is_missing(
    recording: Callable[..., Recording], rows: list[dict[str, Any]], problem: str
) -> None:
    visit = _one(recording([_served(3)]), *rows)
    assert visit.problem == problem
    assert len(visit.latency_ns) == 0


def test_visits_are_told_apart_by_recording_and_number(
    recording: Callable[..., Recording],
) -> None:
    calls = _calls(
        {"wall_ns": 1}, {"wall_ns": 2, "visit": 1}, {"wall_ns": 3, "recording": "gelu.1"}
    )
    recordings = [
        recording([_served(1), _served(1, visit=1)], [Failure("k", 2, "out of memory")]),
        recording([_served(1)], unit="gelu.1"),
    ]
    visits = visits_by_scenario(calls, recordings)["k"]
    assert [visit.latency_ns.tolist() for visit in visits] == [[1.0], [2.0], [], [3.0]]
    assert visits[2].problem == "out of memory"
