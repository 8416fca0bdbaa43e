"""A scrubbed trace of torch.profiler: the same tables, and nothing else."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from moeprof.parsers.kineto.scrub import scrub_kineto
from moeprof.parsers.messages import TraceWarning
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.kineto.chrome_trace import annotation, event, kernel, launch, write_trace
from moeprof.tests.parsers.pieces import same_tables

SECRET = "hunter2-at-secret-host"
EVENTS = [
    annotation("fwd", 1, 9, args={"path": SECRET}),
    launch(2, 3),
    kernel(9.125, 2, 3, path=SECRET, grid=[1, 2, 3]),
    event("python_function", f"/home/{SECRET}", 1, 1),
    event("cpu_op", "aten::gelu", 1, 1),
    {"ph": "M", "name": "process_labels", "args": {"labels": SECRET}},
]


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


@pytest.mark.parametrize("name", ["clean.json", "clean.json.gz"])
def test_a_scrubbed_trace_parses_to_the_same_tables(tmp_path: Path, name: str) -> None:
    top = {
        "traceName": SECRET,
        "hostname": SECRET,
        "baseTimeNanoseconds": 1_753_800_000_123_456_789,
    }
    path = write_trace(tmp_path / "t.json", EVENTS, **top)
    warnings = scrub_kineto(path, tmp_path / name)
    assert SECRET not in _text(tmp_path / name)
    assert len(json.loads(_text(tmp_path / name))["traceEvents"]) == 3
    assert same_tables(path, tmp_path / name)
    (warning,) = warnings
    assert warning.startswith("t.json: 3 other event(s) left out: ")
    assert "1 python_function" in warning


def test_categories_in_capitals_are_kept(tmp_path: Path) -> None:
    kinds = {"kernel": "Kernel", "cuda_runtime": "Runtime", "user_annotation": "User_Annotation"}
    events = [one | {"cat": kinds[one["cat"]]} for one in EVENTS[:3]]
    path = write_trace(tmp_path / "t.json", events)
    assert scrub_kineto(path, tmp_path / "clean.json") == ()
    assert len(json.loads(_text(tmp_path / "clean.json"))["traceEvents"]) == 3
    assert same_tables(path, tmp_path / "clean.json")


@pytest.mark.parametrize(
    "change",
    [
        {"ts": SECRET},
        {"dur": SECRET},
        {"ts": -5, "dur": 2},
        {"dur": -1.5},
        {"pid": SECRET},
        {"tid": SECRET},
        {"tid": "stream 7"},
        {"name": None},
        {"name": {"path": SECRET}},
        {"args": SECRET},
        {"ph": "B"},
        {"cat": "Kernel , gpu"},
        {"pid": -1},
        {"args": {"stream": SECRET, "grid": SECRET, "correlation": SECRET}},
        {"args": {"stream": "7", "grid": "[4, 1, 1]", "correlation": "3"}},
        {"ts": "1753800000123456.789"},
    ],
    ids=str,
)
@pytest.mark.parametrize("changed", [0, 1, 2])
def test_no_odd_value_is_copied_and_each_parses_the_same(
    tmp_path: Path, change: dict[str, Any], changed: int
) -> None:
    events = [one | change if at == changed else one for at, one in enumerate(EVENTS)]
    path = write_trace(tmp_path / "t.json", [*events, kernel(20, 1, 8)])
    scrub_kineto(path, tmp_path / "clean.json")
    assert SECRET not in _text(tmp_path / "clean.json")
    assert same_tables(path, tmp_path / "clean.json")


def test_what_was_mended_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(
        b'{"traceEvents": [{"ph": "X", "cat": "kernel", "name": "\\U", "ts": 1, "dur": 1}]}'
    )
    (warning,) = scrub_kineto(path, tmp_path / "clean.json")
    assert TraceWarning.MENDED in warning
    assert same_tables(path, tmp_path / "clean.json")


def test_a_broken_trace_leaves_no_file(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "t.json", EVENTS)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BadInput):
        scrub_kineto(path, tmp_path / "clean.json")
    assert [each.name for each in tmp_path.iterdir()] == ["t.json"]
