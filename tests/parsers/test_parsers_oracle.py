"""Attribution compared with NVIDIA's own: the report `nvtx_kern_sum` of an installed nsys.

NVIDIA counts a kernel under every range around its launching call; `ours` counts likewise, over the
calls and ranges that the parser found. The report's totals count a launch twice where both runtime
and driver recorded it, so counts and means are compared.
"""

import importlib.util
import os
import shutil
import sqlite3
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from moeprof.parsers.events import Trace
from moeprof.parsers.nsys.trace import read_nsys
from moeprof.parsers.trace_tables import trace_tables

Key = tuple[str | None, int | None, int | None, str | None]  # range, process, thread, kernel
Summaries = dict[Key, tuple[int, float, int, int]]  # kernels; mean, min and max duration in ns


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Any:
    """NVIDIA's report script as installed, loaded without nsys's own Python modules."""
    nsys = shutil.which("nsys")
    if nsys is None:
        pytest.skip("no nsys on PATH")
    script = Path(nsys).resolve().parents[1] / "host-linux-x64" / "reports" / "nvtx_kern_sum.py"
    if not script.is_file():
        pytest.skip(f"this nsys has no {script.name}")
    around = ModuleType("nsysstats")
    around.StatsReport = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nsysstats", around)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec = importlib.util.spec_from_file_location("nvtx_kern_sum", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.NvtxKernSum


@pytest.fixture
def traces() -> list[Path]:
    """The sample traces that have ranges."""
    folder = os.environ.get("MOEPROF_SAMPLE_DATA")
    if not folder:
        pytest.skip("MOEPROF_SAMPLE_DATA is not set")
    paths = sorted(Path(folder, "nsys").glob("*.sqlite"))
    return [path for path in paths if len(read_nsys(path).ranges)]


class _Values:
    """Collects the values of an SQLite aggregate."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def step(self, value: float) -> None:
        self.values.append(value)


class _Median(_Values):
    def finalize(self) -> float:
        return statistics.median(self.values)


class _Deviation(_Values):
    def finalize(self) -> float | None:
        return statistics.stdev(self.values) if len(self.values) > 1 else None


def nvidias(report: Any, path: Path) -> Summaries:
    """Run the report's SQL on a trace."""

    def scaled(value: float | None, low: float, high: float) -> float | None:
        return None if value is None else 2 * (value - low) / (high - low) - 1

    database = sqlite3.connect(":memory:")
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as trace:
        trace.backup(database)
    trace.close()
    database.create_function("rtree_scale", 3, scaled)
    database.create_aggregate("median", 1, _Median)  # type: ignore[arg-type]
    database.create_aggregate("stdev", 1, _Deviation)  # type: ignore[arg-type]
    for statement in report.statements:
        database.execute(statement)
    rows = database.execute(report.query_stub.format(NAME_COL_NAME="demangledName"))
    names = [str(column).partition(":")[0] for column, *_ in rows.description]
    found: Summaries = {}
    for row in (dict(zip(names, values, strict=True)) for values in rows):
        key = (row["NVTX Range"], row["PID"], row["TID"], row["Kernel Name"])
        found[key] = (row["Kern Inst"], row["Avg"], row["Min"], row["Max"])
    database.close()
    return found


def ours(trace: Trace) -> Summaries:
    """Summarise a parsed trace as the report does."""
    lengths: defaultdict[Key, dict[int, Any]] = defaultdict(dict)
    kernels = zip(
        trace.launched_by.tolist(),
        trace.kernels["kernel"].to_pylist(),
        trace.kernels["duration_ns"].to_pylist(),
        strict=True,
    )
    names, api = trace.range_names.to_pylist(), trace.api
    for number, (call, kernel, duration_ns) in enumerate(kernels):
        if call < 0:
            lengths[None, None, None, kernel][number] = duration_ns
            continue
        around = (
            (trace.ranges.thread == api.thread[call])
            & (trace.ranges.start_ns <= api.start_ns[call])
            & (trace.ranges.end_ns >= api.end_ns[call])
        )
        thread = int(api.thread[call])
        for name in {names[place] for place in np.flatnonzero(around)} or {None}:
            key = name, thread >> 24 & 0xFFFFFF, thread & 0xFFFFFF, kernel
            lengths[key][number] = duration_ns
    return {key: _summary(each.values()) for key, each in lengths.items()}


def _summary(lengths_ns: Iterable[int]) -> tuple[int, float, int, int]:
    every = list(lengths_ns)
    return len(every), round(sum(every) / len(every), 1), min(every), max(every)


def test_each_range_has_the_kernels_of_nvidias_report(report: Any, traces: list[Path]) -> None:
    for path in traces:
        theirs, found = nvidias(report, path), ours(read_nsys(path))
        assert theirs.keys() == found.keys(), path.name
        for key, (count, mean_ns, *ends_ns) in theirs.items():
            assert found[key] == (count, pytest.approx(mean_ns, abs=0.11), *ends_ns), path.name


def test_a_launch_has_a_range_exactly_where_nvidias_report_has_one(
    report: Any, traces: list[Path]
) -> None:
    for path in traces:
        pieces = trace_tables(read_nsys(path), None, on_gpu=True)
        launches = [
            row for name, piece in pieces if name == "launches" for row in piece.to_pylist()
        ]
        without = sum(row["range_name"] is None for row in launches)
        theirs = nvidias(report, path)
        assert without == sum(n for (name, *_), (n, *_) in theirs.items() if name is None)
        assert {row["range_name"] for row in launches} <= {name for name, *_ in theirs}
