"""A run's recordings as tables: complete, checked, the same bytes each time."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moeprof.pipeline.parse import parse_run, tables_are_current
from moeprof.store.document import write_document
from moeprof.store.errors import BadInput
from moeprof.store.plan import Plan
from moeprof.store.recording import Failure, PointTiming, Recording, sha256_of
from moeprof.store.run import Run
from moeprof.store.tables.parquet import read_table, write_table
from moeprof.store.tables.schemas import SCHEMAS

NsysFile = Any  # tests/parsers/conftest.py
Maker = Callable[..., Recording]
KEY = "gelu-b4-1024-fp32-cold"


@pytest.fixture
def run(tmp_path: Path, plan: Plan) -> Run:
    run = Run(tmp_path / "run")
    write_document(run.plan_path, plan)
    return run


def _timing(calls: int) -> PointTiming:
    return PointTiming(KEY, 0, calls, tuple(range(1000, 1000 + calls)), 0, 1)


def _keep(run: Run, made: Recording, name: str, raw: Path) -> None:
    """Put a raw file and the recording that names it in their place."""
    folder = run.unit(made.collector, made.unit)
    folder.mkdir(parents=True)
    raw.rename(folder / name)
    files = {name: sha256_of(folder / name)}
    run.keep(replace(made, files=files))


def _points(run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_table(run.table("points"), "points").to_pylist()
    return rows


def test_the_cpu_collector_needs_no_raw_file(run: Run, recording: Maker) -> None:
    run.keep(recording([_timing(7)], warnings=("turbo is on",)))
    warnings = parse_run(run).warnings
    assert [(r["latency_us"], r["latency_source"]) for r in _points(run)] == [(1.003, "wall")]
    assert read_table(run.table("calls"), "calls").num_rows == 7
    assert not run.table("launches").exists()
    assert list(warnings) == [
        "gelu.0: turbo is on",
        "gelu: 1 of 1 hold-out sizes have no recording: 2",
    ]


def test_failed_points_and_calls_of_0_ns_are_warned_of(run: Run, recording: Maker) -> None:
    key = "gelu-b2-1024-fp32-cold"
    timing = PointTiming(KEY, 0, 20, (*[1000] * 19, 0), 0, 1)
    run.keep(recording([timing], [Failure(key, 0, "out of memory")], tokens=(4, 2)))
    assert list(parse_run(run).warnings) == [
        f"1 of 2 points failed, as {key}: out of memory",
        "1 of 20 calls took 0 ns, and are untimed",
    ]


def test_an_nsys_recording_gives_kernel_times(
    run: Run, recording: Maker, nsys_file: Callable[..., NsysFile]
) -> None:
    file = nsys_file()
    for call in range(6):
        file.call(1000 * call, 1000 * call + 20, f"{KEY}#0.{call}", correlation=call)
    made = recording([_timing(6)], collector="nsys", device="cuda:0")
    _keep(run, made, "report.sqlite", file.close())
    parse_run(run)
    (row,) = _points(run)
    assert (row["latency_us"], row["latency_source"], row["gap_us"]) == (0.05, "kernel", 0.0)
    assert row["signature"] == "gemm <<<4x1x1, 128x1x1>>>"
    assert read_table(run.table("launches"), "launches")["call"].to_pylist() == list(range(6))


def test_ranges_of_an_nsys_recording_on_a_cpu_are_its_times(
    run: Run, recording: Maker, nsys_file: Callable[..., NsysFile]
) -> None:
    file = nsys_file()
    for call in range(6):
        file.range(100 * call, 100 * call + 40, f"{KEY}#0.{call}")
    _keep(run, recording([_timing(6)], collector="nsys"), "report.sqlite", file.close())
    parse_run(run)
    assert [(r["latency_us"], r["latency_source"]) for r in _points(run)] == [(0.04, "wall")]


def test_a_kineto_recording_is_read(run: Run, recording: Maker, tmp_path: Path) -> None:
    common = {"ph": "X", "cat": "user_annotation", "pid": 1, "tid": 1, "dur": 3}
    events = [common | {"name": f"{KEY}#0.{call}", "ts": 10 * call} for call in range(6)]
    trace = tmp_path / "t.json"
    trace.write_text(json.dumps({"traceEvents": events}))
    _keep(run, recording([_timing(6)], collector="kineto"), "trace.json", trace)
    parse_run(run)
    assert [row["latency_us"] for row in _points(run)] == [3.0]


def test_counters_are_a_table_of_their_own(run: Run, recording: Maker, tmp_path: Path) -> None:
    page = tmp_path / "page.csv"
    page.write_text(
        '"ID","Process ID","Kernel Name","gpu__time_duration.sum"\n"","","","us"\n'
        '"0","1","gemm","2.5"\n'
    )
    counted = recording([_timing(1)], collector="ncu", unit=KEY)
    _keep(run, counted, "counters.csv", page)
    failed = recording((), [Failure(KEY, 0, "no permission")], collector="ncu", unit="other")
    run.keep(failed)
    warnings = parse_run(run).warnings
    (row,) = read_table(run.table("counters"), "counters").to_pylist()
    assert (row["scenario_key"], row["duration_ns"]) == (KEY, 2500.0)
    assert _points(run) == []
    assert f"other: no counters of {KEY}: no permission" in warnings


def test_the_same_recordings_give_the_same_bytes(
    run: Run, recording: Maker, nsys_file: Callable[..., NsysFile]
) -> None:
    file = nsys_file()
    file.call(0, 20, f"{KEY}#0.0", correlation=1)
    _keep(run, recording([_timing(1)], collector="nsys"), "report.sqlite", file.close())
    parse_run(run)
    tables = sorted((run.folder / "tables").iterdir())
    first = [table.read_bytes() for table in tables]
    parse_run(run)
    assert [table.read_bytes() for table in tables] == first
    assert [table.stem for table in tables] == ["calls", "launches", "points"]


def test_a_changed_raw_file_is_refused(
    run: Run, recording: Maker, nsys_file: Callable[..., NsysFile]
) -> None:
    _keep(run, recording([_timing(1)], collector="nsys"), "report.sqlite", nsys_file().close())
    (run.unit("nsys", "gelu.0") / "report.sqlite").write_bytes(b"changed")
    with pytest.raises(BadInput, match="its sha256 differs"):
        parse_run(run)


def test_a_unit_without_points_is_not_read(run: Run, recording: Maker, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("not a database")
    failed = recording((), [Failure(KEY, 0, "the process died")], collector="nsys")
    _keep(run, failed, "report.sqlite", broken)
    parse_run(run)
    assert [row["failure"] for row in _points(run)] == ["the process died"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"collector": "rocprof"}, "recorded with 'rocprof', and this moeprof knows cpu, nsys"),
        ({"collector": "nsys"}, "names 0 files that end in .sqlite, not one"),
    ],
)
def test_a_recording_that_cannot_be_read_is_refused(
    run: Run, recording: Maker, changed: dict[str, Any], words: str
) -> None:
    run.keep(recording([_timing(1)], **changed))
    with pytest.raises(BadInput, match=words):
        parse_run(run)


def test_recordings_of_two_machines_are_not_merged(run: Run, recording: Maker) -> None:
    run.keep(recording([_timing(6)]))
    two = recording([replace(_timing(6), visit=1)], unit="gelu.1")
    run.keep(replace(two, provenance=replace(two.provenance, host_hash="f" * 12)))
    with pytest.raises(BadInput, match="mixes recordings of 2 machines"):
        parse_run(run)


def test_an_earlier_table_that_nothing_makes_any_more_is_removed(
    run: Run, recording: Maker
) -> None:
    run.keep(recording([_timing(6)]))
    run.table("launches").parent.mkdir(parents=True)
    run.table("launches").write_bytes(b"of an earlier parse")
    parse_run(run)
    assert not run.table("launches").exists()


def test_tables_are_current_whatever_the_times_of_the_files(run: Run, recording: Maker) -> None:
    run.keep(recording([_timing(6)]))
    assert not tables_are_current(run)
    parse_run(run)
    for time_s in (1, 2**32):
        for path in run.folder.rglob("*"):
            os.utime(path, (time_s, time_s))
        os.utime(run.table("points"), (2**31, 2**31))
        assert tables_are_current(run)


@pytest.mark.parametrize("change", ["one more", "one less", "another", "another plan"])
def test_tables_are_stale_when_their_sources_changed(
    run: Run, recording: Maker, plan: Plan, change: str
) -> None:
    one, two = recording([_timing(6)]), recording([replace(_timing(6), visit=1)], unit="gelu.1")
    run.keep(one)
    if change != "one more":
        run.keep(two)
    parse_run(run)
    path = run.unit("cpu", "gelu.1") / "recording.json"
    if change == "one more":
        run.keep(two)
    elif change == "one less":
        path.unlink()
    elif change == "another":
        run.keep(replace(two, ended_utc_ns=two.ended_utc_ns + 1))
    else:
        write_document(run.plan_path, replace(plan, seed=1))
    later_s = run.table("points").stat().st_mtime + 60
    os.utime(run.table("points"), (later_s, later_s))
    assert not tables_are_current(run)


def test_tables_that_are_no_whole_set_are_stale(run: Run, recording: Maker) -> None:
    run.keep(recording([_timing(6)]))
    parse_run(run)
    run.table("calls").unlink()
    assert not tables_are_current(run)
    write_table(run.table("calls"), "calls", SCHEMAS["calls"].empty_table())
    assert not tables_are_current(run)
    parse_run(run)
    assert tables_are_current(run)


def test_a_damaged_recording_costs_itself_alone(run: Run, recording: Maker) -> None:
    run.keep(recording([_timing(6)]))
    run.keep(recording([replace(_timing(6), visit=1)], unit="gelu.1"))
    damaged = run.unit("cpu", "gelu.1") / "recording.json"
    damaged.write_bytes(b"")
    (warning, *_) = parse_run(run).warnings
    assert str(damaged) in warning
    assert "--resume" in warning
    assert read_table(run.table("calls"), "calls").num_rows == 6
    assert not tables_are_current(run)  # until it is restored or measured anew


def test_a_raw_file_that_cannot_be_read_costs_its_recording_alone(
    run: Run, recording: Maker, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("not a database")
    _keep(run, recording([_timing(6)], collector="nsys"), "report.sqlite", broken)
    run.keep(recording([replace(_timing(6), visit=1)]))
    (warning, *_) = parse_run(run).warnings
    assert str(run.unit("nsys", "gelu.0")) in warning
    assert len(_points(run)) == 1
