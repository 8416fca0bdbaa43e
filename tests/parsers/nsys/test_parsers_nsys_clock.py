"""The clock of a session: shifted and normalised exports parse as the plain one does."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from moeprof.parsers.messages import TraceWarning
from moeprof.parsers.nsys.clock import (
    ASKED_SHIFT,
    NORMALISED,
    SAMPLE_TABLES,
    SHIFT,
    SessionClock,
    session_clock,
)
from moeprof.parsers.nsys.export import open_export
from moeprof.parsers.nsys.scrub import scrub_nsys
from moeprof.parsers.nsys.trace import read_nsys
from moeprof.parsers.trace_file import parse_trace
from moeprof.tests.builders import EPOCH_NS
from moeprof.tests.nsys_file import NsysFile
from moeprof.tests.parsers.pieces import concatenated, same_tables

Maker = Callable[..., NsysFile]
TYPE = 281479271677952
DAY_NS = 86_400 * 10**9
_TIMES = ("start", "end", "timestamp", "rawTimestamp")


def _whole_trace(file: NsysFile) -> Path:
    """An export with times in every table that is read."""
    file.add("TARGET_INFO_GPU", id=0, name="GPU")
    file.call(10, 200, "gelu-b4#0.0", correlation=1)
    file.range(1, None, "never closed")
    file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=0, metricName="SM Active")
    for time, value in ((-5, 70), (0, 50), (100, 60)):
        file.add("GPU_METRICS", timestamp=time, typeId=TYPE, metricId=0, value=value)
    for time in (20, 90):
        data = json.dumps({"Power": "250", "Temperature": "40"})
        file.add("GENERIC_EVENTS", rawTimestamp=time, typeId=1, data=data)
    file.kernel(0, 0, 2)
    return file.close()


def _shifted(path: Path, shift_ns: int, unshifted: Sequence[str] = (), **metadata: str) -> Path:
    """A copy whose times nsys shifted but in some tables, with what nsys writes about that."""
    shifted = path.with_name("shifted.sqlite")
    shifted.write_bytes(path.read_bytes())
    database = sqlite3.connect(shifted)
    for (table,) in database.execute("SELECT name FROM sqlite_master").fetchall():
        for _, column, *_ in database.execute(f"PRAGMA table_info({table})").fetchall():
            if column in _TIMES and table not in unshifted:
                database.execute(f"UPDATE {table} SET {column} = {column} + {shift_ns}")
    metadata_table = (
        "META_DATA_EXPORT" if "META_DATA_EXPORT" in _tables(path) else "EXPORT_META_DATA"
    )
    database.executemany(f"INSERT INTO {metadata_table} VALUES (?, ?)", metadata.items())
    database.commit()
    database.close()
    return shifted


def _tables(path: Path) -> set[str]:
    with open_export(path) as export:
        return set(export.tables)


@pytest.mark.parametrize("version", ["3.1.2", "3.11.1"])
@pytest.mark.parametrize("shift_ns", [-1_000_000, 1_000, EPOCH_NS, EPOCH_NS - 1_000_000, -(10**15)])
@pytest.mark.parametrize("unshifted", [(), SAMPLE_TABLES], ids=["all tables", "events alone"])
def test_a_shifted_export_equals_the_plain_one_and_so_does_its_scrubbed_copy(
    nsys_file: Maker, tmp_path: Path, version: str, shift_ns: int, unshifted: Sequence[str]
) -> None:
    plain = _whole_trace(nsys_file(version))
    shifted = _shifted(plain, shift_ns, unshifted, **{SHIFT: str(shift_ns)})
    assert same_tables(plain, shifted)
    assert _warnings(plain) == _warnings(shifted)
    scrub_nsys(shifted, tmp_path / "clean.sqlite")
    assert same_tables(plain, tmp_path / "clean.sqlite")


def test_samples_that_begin_far_from_both_zeros_may_be_off_by_the_shift(nsys_file: Maker) -> None:
    shifted = _shifted(_whole_trace(nsys_file()), 6, **{SHIFT: "6"})
    assert any(TraceWarning.UNSURE_SAMPLE_TIMES in one for one in parse_trace(shifted).warnings)


def _warnings(path: Path) -> list[str]:
    parsed = parse_trace(path)
    concatenated(parsed.pieces)
    return [warning.replace(path.name, "FILE") for warning in parsed.warnings]


def test_every_table_is_in_the_plain_export(nsys_file: Maker) -> None:
    tables = concatenated(parse_trace(_whole_trace(nsys_file())).pieces)
    assert tables["launches"]["start_ns"].to_pylist() == [EPOCH_NS + 300, None]
    assert tables["calls"]["start_ns"].to_pylist() == [EPOCH_NS + 10]
    assert tables["gpu_samples"]["time_ns"].to_pylist() == [EPOCH_NS, EPOCH_NS + 100]
    assert tables["power_samples"]["time_ns"].to_pylist() == [EPOCH_NS + 20, EPOCH_NS + 90]


@pytest.mark.parametrize(
    ("metadata", "shift_ns"),
    [
        ({}, 0),
        ({SHIFT: "-7"}, -7),
        ({SHIFT: str(EPOCH_NS - 7), ASKED_SHIFT: "-7", NORMALISED: "true"}, EPOCH_NS - 7),
        ({ASKED_SHIFT: "-7", NORMALISED: "true"}, EPOCH_NS - 7),
        ({ASKED_SHIFT: "-7", NORMALISED: "false"}, -7),
        ({NORMALISED: "true"}, EPOCH_NS),
        ({SHIFT: "much", ASKED_SHIFT: "5"}, 5),
    ],
)
def test_the_shift_is_what_nsys_says_or_what_was_asked_of_it(
    nsys_file: Maker, metadata: dict[str, str], shift_ns: int
) -> None:
    file = nsys_file()
    for name, value in metadata.items():
        file.add("META_DATA_EXPORT", name=name, value=value)
    with open_export(file.close()) as export:
        assert session_clock(export) == SessionClock(shift_ns, EPOCH_NS)
        assert export.warnings == []


@pytest.mark.parametrize("shift", ["much", "1e6", "9" * 19, "9" * 5000])
def test_a_shift_that_is_no_number_of_nanoseconds_is_told(nsys_file: Maker, shift: str) -> None:
    file = nsys_file()
    file.add("META_DATA_EXPORT", name=SHIFT, value=shift)
    file.kernel(10, 15, 1)
    with open_export(file.close()) as export:
        assert session_clock(export) == SessionClock(0, EPOCH_NS)
        (warning,) = export.warnings
    assert TraceWarning.UNKNOWN_SHIFT in warning


@pytest.mark.parametrize("epoch_ns", [2**62, 2**63 - 1, -5])
@pytest.mark.parametrize("shift", ["-3999999999999999999", "3999999999999999999"])
def test_no_time_of_a_session_overflows(nsys_file: Maker, epoch_ns: int, shift: str) -> None:
    file = nsys_file(epoch_ns=epoch_ns)
    for name, value in ((SHIFT, shift), (ASKED_SHIFT, shift[::-1]), (NORMALISED, "true")):
        file.add("META_DATA_EXPORT", name=name, value=value)
    file.call(10, 20, "gelu-b4#0.0", correlation=1)
    assert read_nsys(file.close()).kernels["duration_ns"].to_pylist() == [None]


def test_a_normalised_export_gives_the_session_start_that_its_table_lacks(nsys_file: Maker) -> None:
    file = nsys_file(epoch_ns=None)
    for name, value in ((SHIFT, EPOCH_NS - 7), (ASKED_SHIFT, -7), (NORMALISED, "true")):
        file.add("META_DATA_EXPORT", name=name, value=str(value))
    with open_export(file.close()) as export:
        assert session_clock(export) == SessionClock(EPOCH_NS - 7, EPOCH_NS)
        assert export.warnings == []


@pytest.mark.parametrize("with_kernel", [True, False])
def test_times_of_dates_without_a_shift_count_as_since_the_epoch(
    nsys_file: Maker, with_kernel: bool
) -> None:
    file = nsys_file()
    file.range(EPOCH_NS + 5, EPOCH_NS + 9, "a")
    if with_kernel:
        file.kernel(EPOCH_NS + 10, EPOCH_NS + 15, 1)
    trace = read_nsys(file.close())
    assert trace.ranges.start_ns.tolist() == [EPOCH_NS + 5]
    assert trace.kernels["start_ns"].to_pylist() == [EPOCH_NS + 10] * with_kernel
    (warning,) = trace.warnings
    assert TraceWarning.TIMES_SINCE_EPOCH in warning


def test_a_session_longer_than_a_day_keeps_its_times(nsys_file: Maker) -> None:
    file = nsys_file()
    file.kernel(30 * DAY_NS, 30 * DAY_NS + 5, 1)
    assert read_nsys(file.close()).kernels["start_ns"].to_pylist() == [EPOCH_NS + 30 * DAY_NS]
