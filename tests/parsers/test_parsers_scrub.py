"""Secrets in every place where the tools keep them: none is in a table or a scrubbed trace."""

import gzip
import json
import sqlite3
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path

import pytest

from moeprof.parsers.messages import Refusal
from moeprof.parsers.scrub import scrub_trace
from moeprof.parsers.trace_file import parse_trace
from moeprof.store.errors import BadInput
from moeprof.store.tables.parquet import writing_tables
from moeprof.tests.nsys_file import NsysFile
from moeprof.tests.parsers.pieces import concatenated

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


def _equal(left: Path, right: Path) -> bool:
    one, other = (concatenated(parse_trace(path).pieces) for path in (left, right))
    return one.keys() == other.keys() and all(one[name].equals(other[name]) for name in one)


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
    scrub_trace(path, out)
    assert SECRET.encode() not in out.read_bytes()
    assert _equal(path, out)


def test_real_traces_are_the_same_when_scrubbed(sample_data: Path, tmp_path: Path) -> None:
    for path in sorted((sample_data / "nsys").glob("*.sqlite")):
        out = tmp_path / path.name
        scrub_trace(path, out)
        assert _equal(path, out), path.name
        database = sqlite3.connect(out)
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
        database.close()
        assert "META_DATA_CAPTURE" not in tables


def test_a_page_of_ncu_loses_its_host_and_process(tmp_path: Path) -> None:
    path, out = tmp_path / "page.csv", tmp_path / "clean.csv"
    path.write_text(
        f'==PROF== Connected to {SECRET}\n"ID","Process ID","Process Name","Host Name",'
        f'"Kernel Name","gpu__time_duration.sum"\n"","","","","","ns"\n'
        f'"0","77","{SECRET}","{SECRET}","gemm, ""x""","1,234"\n'
    )
    scrub_trace(path, out)
    assert SECRET not in out.read_text()
    assert _equal(path, out)


@pytest.mark.parametrize("name", ["clean.json", "clean.json.gz"])
def test_a_scrubbed_kineto_trace_parses_to_the_same_tables(tmp_path: Path, name: str) -> None:
    path, out = tmp_path / "trace.json", tmp_path / name
    kernel = {"ph": "X", "cat": "kernel", "name": "gemm", "pid": 0, "tid": 7, "ts": 9, "dur": 2}
    kernel["args"] = {"correlation": 3, "grid": [1, 2, 3], "block": [4, 5, 6], "path": SECRET}
    launch = {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 5, "tid": 5}
    launch |= {"ts": 1, "dur": 1, "args": {"correlation": 3}}
    stack = {"ph": "X", "cat": "python_function", "name": f"/home/{SECRET}", "ts": 1, "dur": 1}
    events = [kernel, launch, stack]
    path.write_text(json.dumps({"traceName": SECRET, "hostname": SECRET, "traceEvents": events}))
    scrub_trace(path, out)
    raw = out.read_bytes()
    text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode()
    assert SECRET not in text
    assert _equal(path, out)


def test_the_trace_itself_is_never_overwritten(
    nsys_file: Callable[..., NsysFile], tmp_path: Path
) -> None:
    path = nsys_file().close()
    before = path.read_bytes()
    with pytest.raises(BadInput, match=Refusal.SAME_FILE):
        scrub_trace(path, path)
    assert path.read_bytes() == before
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(before[:3000])
    with pytest.raises(BadInput, match=Refusal.CUT_SHORT):
        scrub_trace(broken, tmp_path / "out.sqlite")
    assert not (tmp_path / "out.sqlite").exists()


def test_a_report_of_ncu_is_refused_with_the_command_for_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = module_from_spec(ModuleSpec("ncu_report", loader=None))
    monkeypatch.setitem(sys.modules, "ncu_report", package)
    path = tmp_path / "r.ncu-rep"
    path.write_bytes(b"NVR\0abc")
    with pytest.raises(BadInput, match=Refusal.NCU_REPORT) as raised:
        scrub_trace(path, tmp_path / "out")
    assert "ncu --import r.ncu-rep" in raised.value.hint
