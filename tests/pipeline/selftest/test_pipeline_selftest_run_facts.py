"""Facts of a run's tables: two clocks, lost kernels, loads."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from moeprof.pipeline.parse import parse_run
from moeprof.pipeline.selftest.run_facts import plan_facts, run_facts
from moeprof.store.document import write_document
from moeprof.store.recording import Failure, Load, PointTiming, Recording
from moeprof.store.run import Run
from moeprof.store.tables.parquet import table_from_columns
from moeprof.store.tables.table_set import writing_tables
from moeprof.tests.builders import make_points, make_scenario
from moeprof.tests.pipeline.conftest import SIZES, write_linear_run

MakeRecording = Callable[..., Recording]
KEY = make_scenario(4).key


def write_tables(run: Run, busy_ns: list[int | None]) -> None:
    """Tables of one point, and of calls with so much time in kernels and 1 us in gaps."""
    calls = {
        "scenario_key": [KEY] * len(busy_ns),
        "visit": [0] * len(busy_ns),
        "busy_ns": busy_ns,
        "gap_ns": [None if one is None else 1000 for one in busy_ns],
    }
    energies = {"power_w": 300.0, "power_repeat_difference": 0.01}
    with writing_tables(run.tables) as tables:
        tables.write("calls", table_from_columns("calls", calls))
        tables.write("points", make_points(lambda size: 10.0, [4], **energies))


def test_events_and_the_trace_are_compared_repeat_by_repeat(
    tmp_path: Path, recording: MakeRecording
) -> None:
    run = Run(tmp_path / "run")
    timing = PointTiming(KEY, 0, 3, (1,) * 3, 0, 1, device_ns=(40_000, 50_000, 60_000))
    run.keep(recording([timing], collector="cpu"))
    write_tables(run, [47_000, 49_000, 90_000, None])
    found = run_facts(run)
    assert found["two_clocks"] == [
        {"scenario_key": KEY, "repeat": 0, "trace_us": 50.0, "events_us": 50.0}
    ]
    assert (found["calls"], found["calls_without_kernel"]) == (4, 1)


def test_loads_and_those_that_failed_are_counted(tmp_path: Path, recording: MakeRecording) -> None:
    run = Run(tmp_path / "run")
    load = Load("operation", KEY, 0, (0, 1), (0, 9))
    idle = Load("idle", None, 0, (0, 1), (0, 0))
    failed = Failure(KEY, 1, "the counter is stuck")
    run.keep(recording([], [failed], collector="power", loads=(load, idle)))
    write_tables(run, [47_000])
    found = run_facts(run)
    assert (found["loads"], found["failed_loads"]) == (1, ["the counter is stuck"])
    assert (found["loaded_points"], found["power_repeat_differences"]) == (1, [0.01])


def test_a_run_of_the_hosts_clock_has_no_second_clock(tmp_path: Path) -> None:
    run = write_linear_run(tmp_path / "run")
    parse_run(run)
    found = run_facts(run)
    assert (found["points"], found["two_clocks"], found["loads"]) == (len(SIZES), [], 0)
    assert found["energy_sources"] == ["unavailable"]


def test_planned_sizes_without_a_point_are_counted_by_operation(tmp_path: Path) -> None:
    run = write_linear_run(tmp_path / "run")
    parse_run(run)
    (gelu,) = run.plan().ops
    longer = replace(gelu, domain=(*SIZES, 64), first=(*gelu.first, 64))
    topk = replace(gelu, op="topk", curve="topk-0123", calibration=())
    write_document(run.plan_path, replace(run.plan(), ops=(longer, topk)))
    assert plan_facts(run)["planned"] == [
        {"op": "gelu", "sizes": len(SIZES) + 1, "unreached": 1},
        {"op": "topk", "sizes": len(SIZES), "unreached": len(SIZES)},
    ]
