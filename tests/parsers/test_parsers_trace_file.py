"""A trace file's format is found by its content; any other file is refused in one sentence."""

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.parsers.trace_file import parse_trace
from moeprof.store.errors import BadInput
from moeprof.tests.nsys_file import NsysFile
from moeprof.tests.parsers.pieces import concatenated


def test_an_nsys_export_is_recognised_under_any_name(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file(name="trace.txt")
    file.call(10, 20, "gelu-b4#0.0", correlation=1)
    pieces, warnings = parse_trace(file.close())
    tables = concatenated(pieces)
    assert tables["launches"]["recording"].to_pylist() == [None]
    assert tables["calls"]["busy_ns"].to_pylist() == [50]
    assert warnings == []


def test_without_kernels_the_ranges_give_the_wall_time(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.range(10, 25, "gelu-b4#0.0")
    pieces, warnings = parse_trace(file.close())
    assert concatenated(pieces)["calls"]["wall_ns"].to_pylist() == [15]
    assert f"holds 1 range(s) and {TraceWarning.NO_KERNEL}" in warnings[-1]


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress])
def test_a_kineto_trace_is_recognised(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    event = {"ph": "X", "cat": "user_annotation", "name": "gelu-b4#0.0", "ts": 1, "dur": 2}
    path = tmp_path / "trace"
    path.write_bytes(pack(b"\n" + json.dumps({"traceEvents": [event]}).encode()))
    assert concatenated(parse_trace(path).pieces)["calls"]["wall_ns"].to_pylist() == [2000]


def test_a_raw_page_of_ncu_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_text('==PROF== x\n"ID","Process ID","Kernel Name"\n"","",""\n"0","1","gemm"\n')
    assert concatenated(parse_trace(path).pieces)["counters"]["kernel"].to_pylist() == ["gemm"]


def test_ranges_that_are_no_calls_of_moeprof_and_no_kernel_are_refused_and_counted(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.range(10, 25, "forward")
    file.range(30, 35, "backward")
    with pytest.raises(BadInput) as raised:
        parse_trace(file.close())
    assert f"holds 2 {Refusal.NO_KERNELS}" in raised.value.message


def test_a_refusal_for_lack_of_kernels_counts_the_cuda_calls_that_were_found(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.launch(10, 20, 1)
    file.add("CUPTI_ACTIVITY_KIND_GRAPH_TRACE", start=30, end=40)
    with pytest.raises(BadInput) as raised:
        parse_trace(file.close())
    assert f"{Refusal.NO_EVENTS}, but 1 CUDA call(s)" in raised.value.message
    assert TraceWarning.GRAPHS_TRACED_WHOLE in raised.value.message


def test_a_page_of_ncu_without_a_kernel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_text('"ID","Process ID","Kernel Name"\n"","",""\n')
    with pytest.raises(BadInput) as raised:
        parse_trace(path)
    assert f"{path} {Refusal.NCU_NO_ROWS}" in raised.value.message


def test_a_trace_without_events_is_refused_with_what_nsys_reported(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.add("DIAGNOSTIC_EVENT", timestamp=1, severity=2, text="No CUDA events collected.")
    with pytest.raises(BadInput, match=Refusal.NO_EVENTS) as raised:
        parse_trace(file.close())
    assert "No CUDA events collected." in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("name", "content", "reason", "hint"),
    [
        ("t.sqlite", b"", Refusal.EMPTY, "again"),
        ("t.sqlite", b"a text, renamed", Refusal.UNKNOWN_FORMAT, "nsys SQLite export"),
        ("t.sqlite", b"SQLite format 3\0", Refusal.CUT_SHORT, "again"),
        ("t.nsys-rep", b"NVIDIA Tegra Profiler Report 2024", Refusal.NSYS_REPORT,
         "nsys export --type sqlite t.nsys-rep"),
        ("t.qdrep", b"\x00\x01", Refusal.NSYS_REPORT, "nsys export --type sqlite t.qdrep"),
        ("t.json.gz", b"\x1f\x8b\x08broken", Refusal.NOT_GZIP, ""),
        ("t.json", b'{"traceEvents": [', Refusal.NOT_JSON, ""),
        ("t.bin", bytes(range(256)), Refusal.UNKNOWN_FORMAT, "torch.profiler JSON trace"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_trace_is_refused_with_the_way_out(
    tmp_path: Path, name: str, content: bytes, reason: Refusal, hint: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput) as raised:
        parse_trace(path)
    assert f"{path} {reason}" in raised.value.message
    assert hint in raised.value.hint


def test_a_report_of_ncu_needs_nvidias_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.ncu-rep"
    path.write_bytes(b"NVR\0abc")
    monkeypatch.setitem(sys.modules, "ncu_report", None)
    with pytest.raises(BadInput, match=Refusal.NCU_REPORT) as raised:
        parse_trace(path)
    assert "--page raw" in raised.value.hint


def test_a_truncated_export_is_refused_with_its_size(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.call(10, 20, "gelu-b4#0.0", correlation=1)
    path = file.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=f"{len(whole) // 2} of {len(whole)} bytes"):
        parse_trace(path)


def test_a_name_that_is_too_long_for_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="file name too long"):
        parse_trace(tmp_path / ("n" * 300))
