"""Chrome traces of torch.profiler."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from moeprof.parsers.kineto import read_kineto
from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.parsers.trace_tables import trace_tables
from moeprof.store.errors import BadInput
from moeprof.tests.builders import EPOCH_NS
from moeprof.tests.parsers.pieces import concatenated


def _event(category: str, name: str, ts: float, dur: float, **more: Any) -> dict[str, Any]:
    common = {"ph": "X", "cat": category, "name": name, "ts": ts, "dur": dur}
    return common | {"pid": 12, "tid": 12} | more


def _kernel(ts: float, dur: float, correlation: int, name: str = "gelu") -> dict[str, Any]:
    args = {
        "device": 0, "context": 1, "stream": 7, "correlation": correlation,
        "registers per thread": 40, "shared memory": 512, "grid": [8, 2, 1], "block": [256, 1, 1],
    }  # fmt: skip
    return _event("kernel", name, ts, dur, pid=0, tid=7, args=args)


def _launch(ts: float, correlation: int, **more: Any) -> dict[str, Any]:
    args = {"correlation": correlation}
    return _event("cuda_runtime", "cudaLaunchKernel", ts, 2.0, args=args, **more)


def _write(path: Path, events: list[dict[str, Any]], **top: Any) -> Path:
    text = json.dumps({"traceEvents": events, **top}).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


EVENTS = [
    _event("user_annotation", "gelu-b4#0.0", 10.0, 10.0),
    _event("user_annotation", "gelu-b4#0.0", 10.0, 10.0, tid=99),
    _event("gpu_user_annotation", "gelu-b4#0.0", 30.0, 5.0, pid=0, tid=7),
    _event("cpu_op", "aten::gelu", 11.0, 6.0),
    _launch(12.0, 5),
    _kernel(30.125, 1.5, 5),
    {"ph": "M", "name": "process_name", "pid": 12},
]


@pytest.mark.parametrize("name", ["trace.json", "trace.json.gz"])
def test_a_kernel_goes_to_the_annotation_of_the_thread_that_launched_it(
    tmp_path: Path, name: str
) -> None:
    path = _write(tmp_path / name, EVENTS, baseTimeNanoseconds=EPOCH_NS)
    tables = concatenated(trace_tables(read_kineto(path), "gelu.0", True))
    (row,) = tables["launches"].to_pylist()
    expected = {
        "kernel": "gelu", "start_ns": EPOCH_NS + 30_125, "duration_ns": 1500, "grid_x": 8,
        "grid_y": 2, "block_x": 256, "registers_per_thread": 40, "stream": 7, "device": 0,
        "correlation_id": 5, "process": 12, "range_name": "gelu-b4#0.0", "call": 0,
    }  # fmt: skip
    assert expected.items() <= row.items()
    assert tables["calls"]["kernels"].to_pylist() == [1, 0]  # thread 99 launched nothing


def test_an_older_trace_counts_microseconds_since_the_epoch(tmp_path: Path) -> None:
    epoch_us = 1_690_709_432_747_674.75  # a double holds quarters of a microsecond there
    path = _write(tmp_path / "old.json", [_launch(epoch_us - 9, 1), _kernel(epoch_us, 2.0, 1)])
    assert read_kineto(path).kernels["start_ns"].to_pylist() == [1_690_709_432_747_674_750]


def test_a_kernel_before_its_launch_is_left_out_and_counted(tmp_path: Path) -> None:
    events = [_launch(100.0, 1), _kernel(50.0, 1.0, 1), _launch(200.0, 2), _kernel(210.0, 1.0, 2)]
    trace = read_kineto(_write(tmp_path / "t.json", [*events, _kernel(1.0, 1.0, 3, "alone")]))
    assert trace.kernels["correlation_id"].to_pylist() == [3, 2]
    (warning,) = trace.warnings
    assert f"t.json: 1 {TraceWarning.STARTS_BEFORE_LAUNCH}" in warning


def test_calls_of_several_processes_are_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.json", [_launch(1.0, 1), _launch(2.0, 1, pid=13)])
    with pytest.raises(BadInput, match=f"{Refusal.SEVERAL_PROCESSES} 2") as raised:
        read_kineto(path)
    assert path.name in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"traceEvents": [{"ph"', Refusal.NOT_JSON),
        ('{"events": []}', Refusal.NOT_KINETO),
        ("[]", Refusal.NOT_KINETO),
        ('{"traceEvents": [{"ph": "X", "cat": "kernel"}]}', Refusal.DAMAGED_EVENT),
        ('{"traceEvents": [], "baseTimeNanoseconds": "soon"}', Refusal.DAMAGED_EVENT),
        ('{"traceEvents": [{"ph": "X", "cat": "kernel", "ts": 1, "dur": 1, "args": null}]}',
         Refusal.DAMAGED_EVENT),
        ('{"traceEvents": [{"ph": "X", "cat": "kernel", "ts": NaN, "dur": 1, "name": "a"}]}',
         Refusal.DAMAGED_EVENT),
    ],
)  # fmt: skip
def test_a_damaged_trace_is_refused_by_its_name(tmp_path: Path, text: str, reason: Refusal) -> None:
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(BadInput) as raised:
        read_kineto(path)
    assert f"{path} {reason}" in raised.value.message


def test_an_id_that_no_column_holds_is_refused(tmp_path: Path) -> None:
    kernel = _kernel(5.0, 1.0, 1)
    kernel["args"]["device"] = 2**31
    path = _write(tmp_path / "t.json", [_launch(1.0, 1), kernel])
    with pytest.raises(BadInput, match=Refusal.DAMAGED_EVENT):
        read_kineto(path)


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "t.json.gz", EVENTS)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput, match=Refusal.NOT_GZIP):
        read_kineto(path)


def test_a_trace_that_torch_wrote_has_its_ranges(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "real.json.gz"
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        for call in range(3):
            with torch.profiler.record_function(f"gelu-b4#0.{call}"):
                torch.nn.functional.gelu(torch.ones(4, 1024))
    profiler.export_chrome_trace(str(path))
    tables = concatenated(trace_tables(read_kineto(path), None, on_gpu=False))
    calls = tables["calls"].to_pylist()
    assert [row["call"] for row in calls] == [0, 1, 2]
    assert all(row["wall_ns"] > 0 for row in calls)
    assert calls[0]["start_ns"] > EPOCH_NS
