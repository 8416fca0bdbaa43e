"""Traces of nsys, of torch.profiler (Kineto) and of Nsight Compute."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from moeprof.tests.cli.command_line import Result
from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.mutations import csv_fields, json_fields, sqlite_fields
from moeprof.tests.nsys_file import NsysFile

TYPE = 281479271677952
RANGE = "gelu-b4#0.0"
EVENTS = [
    {"ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 12, "tid": 12, "ts": 1.5,
     "dur": 2, "args": {"correlation": 1}},
    {"ph": "X", "cat": "kernel", "name": "k", "pid": 0, "tid": 7, "ts": 5.5, "dur": 2,
     "args": {"correlation": 1, "grid": [1, 1, 1], "block": [32, 1, 1], "device": 0, "stream": 7}},
    {"ph": "X", "cat": "user_annotation", "name": RANGE, "pid": 12, "tid": 12, "ts": 1, "dur": 3},
]  # fmt: skip
PAGE = [
    ["ID", "Process ID", "Kernel Name", "gpu__time_duration.sum", "smsp__inst_executed.sum"],
    ["", "", "", "ns", "inst"],
    ["0", "1", "k", "5", "7"],
    ["1", "1", "k2", "6", "8"],
]


def nsys_export(folder: Path) -> None:
    """Three calls of one kernel, five GPU samples and one of power."""
    file = NsysFile(folder / "t.sqlite")
    file.add("TARGET_INFO_GPU", id=0, name="GPU")
    file.add("TARGET_INFO_CUDA_DEVICE", gpuId=0, cudaId=0, pid=4242)
    file.add("TARGET_INFO_GPU_METRICS", typeId=TYPE, metricId=0, metricName="SM Active")
    for time in range(10, 60, 10):
        file.add("GPU_METRICS", timestamp=time, typeId=TYPE, metricId=0, value=time)
    data = json.dumps({"Power": "60000", "Temperature": "40"})
    file.add("GENERIC_EVENTS", genericEventId=1, timestamp=20, typeId=TYPE + 1, data=data)
    file.add("GENERIC_EVENT_DATA", genericEventId=1, fieldIdx=0, intVal=5)
    name = file.string("Power")
    file.add("GENERIC_EVENT_TYPE_FIELDS", typeId=TYPE, fieldIdx=0, fieldNameId=name, type=1)
    file.add("DIAGNOSTIC_EVENT", timestamp=1, severity=2, text="CUDA")
    file.domain(1, "moeprof")
    for call in range(3):
        file.call(100 * call, 100 * call + 40, f"gelu-b4#0.{call}", correlation=call)
    file.close()


def _nsys_tables(folder: Path, results: Sequence[Result]) -> None:
    calls = pq.read_table(folder / "out" / "calls.parquet")
    assert calls["busy_ns"].to_pylist() == [50, 50, 50]
    power = pq.read_table(folder / "out" / "power_samples.parquet")
    assert power["power_w"].to_pylist() == [60]
    assert (folder / "scrubbed").exists()


def _kineto(folder: Path) -> None:
    (folder / "t.json").write_text(json.dumps({"traceEvents": EVENTS}))


def _kineto_tables(folder: Path, results: Sequence[Result]) -> None:
    (launch,) = pq.read_table(folder / "out" / "launches.parquet").to_pylist()
    expected = {"kernel": "k", "start_ns": 5500, "duration_ns": 2000, "range_name": RANGE}
    assert expected.items() <= launch.items()


def _ncu(folder: Path) -> None:
    (folder / "t.csv").write_text("".join(",".join(row) + "\n" for row in PAGE))


def _ncu_tables(folder: Path, results: Sequence[Result]) -> None:
    counters = pq.read_table(folder / "out" / "counters.parquet")
    assert counters["duration_ns"].to_pylist() == [5, 6]
    assert counters["instructions"].to_pylist() == [7, 8]


def _reading(name: str) -> Sequence[Sequence[str]]:
    return (
        ("parse", f"@/{name}", "--out", "@/out"),
        ("scrub", f"@/{name}", "--out", "@/scrubbed"),
    )


TARGETS = (
    Target(
        name="nsys export",
        make=nsys_export,
        file="t.sqlite",
        mutate=sqlite_fields,
        commands=_reading("t.sqlite"),
        intact=_nsys_tables,
        read_share=0.3,
        share=5,
    ),
    Target(
        name="Kineto trace",
        make=_kineto,
        file="t.json",
        mutate=json_fields,
        commands=_reading("t.json"),
        intact=_kineto_tables,
        share=6,
    ),
    Target(
        name="ncu page",
        make=_ncu,
        file="t.csv",
        mutate=csv_fields,
        commands=_reading("t.csv"),
        intact=_ncu_tables,
        share=5,
    ),
)
