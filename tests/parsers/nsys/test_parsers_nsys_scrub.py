"""Secrets in every place where nsys keeps them: none is in a table or a scrubbed export."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from moeprof.parsers.messages import Refusal
from moeprof.parsers.nsys.read_columns import READ_COLUMNS
from moeprof.parsers.nsys.scrub import scrub_nsys
from moeprof.parsers.trace_file import parse_trace
from moeprof.store.errors import BadInput
from moeprof.store.tables.table_set import writing_tables
from moeprof.tests.nsys_file import NsysFile
from moeprof.tests.parsers.pieces import same_tables

SECRET = "hunter2-at-secret-host"
TYPE = 281479271677952


def _secretive(file: NsysFile) -> Path:
    """Fill an export that holds the secret everywhere but in names of kernels and ranges."""
    file.add("META_DATA_EXPORT", name="EXPORT_PARAM_INPUT_FILE", value=f"/home/{SECRET}/r.nsys-rep")
    for table in (
        "META_DATA_CAPTURE",
        "TARGET_INFO_SYSTEM_ENV",
        "ProcessStreams",
        "PROCESSES",
        "ThreadNames",
        "TARGET_INFO_NIC_INFO",
    ):
        names = [column.split()[0] for column in file.columns[table].split(", ")]
        file.add(table, **dict.fromkeys(names, SECRET))
    file.add("TARGET_INFO_SESSION_START_TIME", utcEpochNs=1, utcTime=SECRET, localTime=SECRET)
    file.add("TARGET_INFO_GPU", id=0, name=SECRET)
    file.add("DIAGNOSTIC_EVENT", timestamp=1, severity=1, text=f"GPU of {SECRET}")
    file.string(f"/home/{SECRET}/python train.py --password {SECRET}")
    file.range(1, 2, SECRET, eventType=34)  # a mark
    file.range(1, None, SECRET, eventType=39)  # the name of a thread
    data = json.dumps({"SM Active": "3", "Command Line": SECRET})
    file.add("GENERIC_EVENTS", rawTimestamp=15, typeId=TYPE, data=data)
    file.add("GENERIC_EVENTS", rawTimestamp=16, typeId=1, data=f'["{SECRET}"]')
    described = {"Name": SECRET, "Fields": [{"Name": "SM Active"}, {"Name": SECRET}]}
    file.add("GENERIC_EVENT_TYPES", typeId=TYPE, data=json.dumps(described))
    file.call(10, 20, "gelu-b4#0.0", correlation=1)
    return file.close()


def test_no_table_of_an_nsys_export_holds_a_secret(
    nsys_file: Callable[..., NsysFile], tmp_path: Path
) -> None:
    path = _secretive(nsys_file())
    assert SECRET.encode() in path.read_bytes()
    pieces, warnings = parse_trace(path)
    assert not [warning for warning in warnings if SECRET in warning]
    with writing_tables(tmp_path / "tables") as tables:
        for name, piece in pieces:
            assert SECRET not in str(piece.to_pydict())
            tables.write(name, piece)
    assert set(tables.rows) == {"launches", "calls", "gpu_samples"}
    for file in (tmp_path / "tables").iterdir():
        assert SECRET.encode() not in file.read_bytes()


def test_a_scrubbed_nsys_trace_parses_to_the_same_tables(
    nsys_file: Callable[..., NsysFile], tmp_path: Path
) -> None:
    path, out = _secretive(nsys_file()), tmp_path / "clean.sqlite"
    scrub_nsys(path, out)
    assert SECRET.encode() not in out.read_bytes()
    assert same_tables(path, out)


def test_what_is_left_out_is_counted(nsys_file: Callable[..., NsysFile], tmp_path: Path) -> None:
    path = _secretive(nsys_file())
    marks, others = scrub_nsys(path, tmp_path / "clean.sqlite")
    assert marks == f"{path.name}: 2 NVTX event(s) that are no ranges left out"
    assert "1 of META_DATA_CAPTURE" in others
    assert SECRET not in others


def test_a_cell_of_another_type_may_hold_a_secret_and_is_not_copied(
    nsys_file: Callable[..., NsysFile], tmp_path: Path
) -> None:
    file, out = nsys_file(), tmp_path / "clean.sqlite"
    file.call(10, 20, "gelu-b4#0.0", correlation=1)
    file.kernel(30, 40, 1, gridX=SECRET, streamId=SECRET.encode(), correlationId=2.5)
    file.add("NVTX_EVENTS", start=SECRET, end=5, eventType=59, text=SECRET.encode())
    file.add("TARGET_INFO_GPU", id=SECRET)
    file.add("GENERIC_EVENTS", timestamp=SECRET, rawTimestamp=3, data='{"Power": "1"}')
    file.add("GENERIC_EVENT_TYPES", typeId=1, data=f"Power of {SECRET}")
    path = file.close()
    scrub_nsys(path, out)
    assert SECRET.encode() not in out.read_bytes()
    assert same_tables(path, out)
    _, warnings = parse_trace(path)
    assert [each.replace(out.name, path.name) for each in parse_trace(out).warnings] == warnings


def test_real_traces_are_the_same_when_scrubbed(sample_data: Path, tmp_path: Path) -> None:
    for path in sorted((sample_data / "nsys").glob("*.sqlite")):
        out = tmp_path / path.name
        scrub_nsys(path, out)
        assert same_tables(path, out), path.name
        database = sqlite3.connect(out)
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
        database.close()
        assert "META_DATA_CAPTURE" not in tables


def test_only_tables_that_are_read_are_copied(
    nsys_file: Callable[..., NsysFile], tmp_path: Path
) -> None:
    out = tmp_path / "clean.sqlite"
    scrub_nsys(_secretive(nsys_file()), out)
    database = sqlite3.connect(out)
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    database.close()
    assert tables <= {*READ_COLUMNS, "StringIds", "META_DATA_EXPORT"}


def test_an_export_is_not_overwritten_and_a_cut_one_leaves_no_file(
    nsys_file: Callable[..., NsysFile], tmp_path: Path
) -> None:
    path = nsys_file().close()
    before = path.read_bytes()
    with pytest.raises(BadInput, match=Refusal.SAME_FILE) as caught:
        scrub_nsys(path, path)
    assert "--out" in caught.value.hint
    assert path.read_bytes() == before
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(before[:3000])
    with pytest.raises(BadInput, match=Refusal.UNREADABLE_DATABASE):
        scrub_nsys(broken, tmp_path / "out.sqlite")
    assert not (tmp_path / "out.sqlite").exists()


@pytest.mark.parametrize("bad", ["x", b"x", 2.5, None, "7"])
@pytest.mark.parametrize(
    ("table", "column"),
    [("GPU_METRICS", "timestamp"), ("GPU_METRICS", "value"), ("NVTX_EVENTS", "end"),
     ("CUPTI_ACTIVITY_KIND_KERNEL", "gridX"), ("CUPTI_ACTIVITY_KIND_RUNTIME", "start")],
)  # fmt: skip
def test_a_bad_cell_is_the_same_after_scrubbing(
    nsys_file: Callable[..., NsysFile], tmp_path: Path, table: str, column: str, bad: object
) -> None:
    file = nsys_file()
    file.table("GPU_METRICS", f"rawTimestamp INTEGER, {file.columns['GPU_METRICS']}")
    file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=0, metricName="SM Active")
    for number in range(6):
        file.call(100 * number, 100 * number + 20, f"gelu-b4#0.{number}", correlation=number)
        time = {"rawTimestamp": number, "timestamp": number}
        file.add("GPU_METRICS", **time, typeId=TYPE, metricId=0, value=8)
    path = file.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f'UPDATE {table} SET "{column}" = ? WHERE rowid % 2 = 0', [bad])
        database.commit()
    scrub_nsys(path, tmp_path / "clean.sqlite")
    assert same_tables(path, tmp_path / "clean.sqlite")


@pytest.mark.parametrize("bad", [b'{"SM Active": "8"}', b"\xff", '["SM Active"]', "{", 7, None])
def test_json_of_another_type_is_the_same_after_scrubbing(
    nsys_file: Callable[..., NsysFile], tmp_path: Path, bad: object
) -> None:
    file = nsys_file()
    file.call(10, 20, "gelu-b4#0.0", correlation=1)
    for time, data in enumerate([bad, '{"SM Active": "8"}', bad]):
        file.add("GENERIC_EVENTS", rawTimestamp=time, typeId=TYPE, data=data)
    path, out = file.close(), tmp_path / "clean.sqlite"
    scrub_nsys(path, out)
    assert same_tables(path, out)
