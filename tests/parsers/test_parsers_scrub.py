"""Secrets in pages of ncu and traces of torch: none is in a scrubbed one; what is refused."""

import json
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path

import pytest

from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.parsers.scrub import scrub_trace
from moeprof.store.errors import BadInput
from moeprof.tests.nsys_file import NsysFile
from moeprof.tests.parsers.ncu.raw_page import BYTES, TIME, page
from moeprof.tests.parsers.pieces import same_tables

SECRET = "hunter2-at-secret-host"


def test_a_page_of_ncu_loses_its_host_and_process(tmp_path: Path) -> None:
    path, out = tmp_path / "page.csv", tmp_path / "clean.csv"
    path.write_text(
        f'==PROF== Connected to {SECRET}\n"ID","Process ID","Process Name","Host Name",'
        f'"Kernel Name","gpu__time_duration.sum"\n"","","","","","ns"\n'
        f'"0","77","{SECRET}","{SECRET}","gemm, ""x""","1,234"\n'
    )
    scrub_trace(path, out)
    assert SECRET not in out.read_text()
    assert same_tables(path, out)


def test_a_scrubbed_file_of_pages_parses_to_the_same_tables(tmp_path: Path) -> None:
    path, out = tmp_path / "page.csv", tmp_path / "clean.csv"
    whole = page([{TIME: "8.736", BYTES: "5"}] * 3)
    *head, first, second, third = whole.splitlines(keepends=True)
    path.write_text("".join([*head, first, second[:40] + "\n", f"{SECRET}\n", third]) + whole)
    (damaged, skipped) = scrub_trace(path, out)
    assert TraceWarning.ROWS_NOT_WHOLE in damaged
    assert TraceWarning.LINES_BETWEEN_ROWS in skipped
    assert SECRET not in out.read_text()
    assert same_tables(path, out)


def test_a_kineto_trace_is_scrubbed_and_what_was_left_out_is_told(tmp_path: Path) -> None:
    path, out = tmp_path / "trace.json", tmp_path / "clean.json"
    stack = {"ph": "X", "cat": "python_function", "name": f"/home/{SECRET}", "ts": 1, "dur": 1}
    path.write_text(json.dumps({"traceName": SECRET, "traceEvents": [stack]}))
    (warning,) = scrub_trace(path, out)
    assert "1 python_function" in warning
    assert SECRET not in out.read_text()


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
