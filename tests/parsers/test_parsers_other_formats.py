"""What people give in place of a trace is refused by its name, with the way out."""

import gzip
import io
import json
import pickle
import tarfile
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from moeprof.parsers.messages import Refusal
from moeprof.parsers.trace_format import TraceFormat, trace_format
from moeprof.store.errors import BadInput

# Without the time: each process that collects the tests gives them the same names.
gzipped = partial(gzip.compress, mtime=0)

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
NSYS_JSON_EVENT = (
    '{"Type":27,"CommEvent":{"Timestamp":"-172445991","GlobalPid":"281594799587328"}}\n'
)
NSYS_JSON = '{"data":["[Unknown]","[kernel.kallsyms]","PATH=/usr/bin"]}\n' + NSYS_JSON_EVENT
OLD_EVENT = {"name": "mm", "ph": "X", "ts": 1, "dur": 2, "tid": 0, "pid": "CUDA functions"}
PROTON_TREE: list[dict[str, Any]] = [
    {"children": [], "frame": {"name": "ROOT", "type": "function"}, "metrics": {"time (ns)": 5}},
    {"CUDA": {"0": {"arch": "90", "clock_rate": 1980000}}},
]
NO_METRICS = "No metrics to collect found in sections.\n"
EVENTS = [{"ph": "X", "cat": "kernel", "name": "gemm", "ts": 1, "dur": 2, "pid": 0, "tid": 7}]


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("trace.json", "{}")
    return packed.getvalue()


def _tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as file:
        file.addfile(tarfile.TarInfo("trace.json"))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "reason", "way_out"),
    [
        (POINTER, Refusal.LFS_POINTER, "git lfs pull"),
        (gzipped(POINTER.encode()), Refusal.LFS_POINTER, "git lfs pull"),
        ("/annex/objects/SHA256E-s12--4d7a\n", Refusal.ANNEX_POINTER, "git annex get"),
        ("<!DOCTYPE html>\n<title>Sign in", Refusal.WEB_PAGE, "download"),
        ("\n <html><h1>404</h1>", Refusal.WEB_PAGE, "download"),
        ('<?xml version="1.0"?><Error><Code>AccessDenied', Refusal.WEB_PAGE, "download"),
        (NSYS_JSON, Refusal.NSYS_OTHER_EXPORT, "--type sqlite"),
        (NSYS_JSON_EVENT, Refusal.NSYS_OTHER_EXPORT, "--type sqlite"),
        ('{"type":"String","id":"0","value":"x"}\n', Refusal.NSYS_OTHER_EXPORT, "--type sqlite"),
        ('{\n "VmSystemInfo": [],\n "PidTidInfos": []}', Refusal.NSYS_OTHER_EXPORT, "--type"),
        ('data: "[Unknown]"\ndata: "x"\n', Refusal.NSYS_OTHER_EXPORT, "--type sqlite"),
        (b"\x89HDF\r\n\x1a\n" + bytes(64), Refusal.NSYS_OTHER_EXPORT, "--type sqlite"),
        (b"\xff\xff\xff\xff\x80\1\0\0" + bytes(64), Refusal.NSYS_OTHER_EXPORT, "--type sqlite"),
        (b"PAR1" + bytes(64), Refusal.NSYS_OTHER_EXPORT, "--type sqlite"),
        ('{\n    "VmSystemInformation": [\n', Refusal.NSYS_OTHER_EXPORT, "--type sqlite"),
        ("Time (%),Total Time (ns),Instances,Avg (ns)\n50,1,2,3", Refusal.NSYS_STATS, "sqlite"),
        (" Time (%)  Total Time (ns)  Instances\n --------  -----", Refusal.NSYS_STATS, "sqlite"),
        ("Processing [x]\n ** OS Runtime Summary (osrt_sum):\n", Refusal.NSYS_STATS, "sqlite"),
        (" Start (ns)  Duration (ns)  CorrId\n", Refusal.NSYS_STATS, "sqlite"),
        (NO_METRICS, Refusal.NCU_NO_METRICS, "--set full"),
        (f"==PROF== Connected\n==ERROR== {NO_METRICS}", Refusal.NCU_NO_METRICS, "--set full"),
        ("CUDA Kernel Statistics:\n\n Time(%)  Total Time (ns)\n", Refusal.NSYS_STATS, "sqlite"),
        (json.dumps(PROTON_TREE), Refusal.PROTON_TREE, "data='trace'"),
        (json.dumps(EVENTS), Refusal.EVENT_ARRAY, "traceEvents"),
        ("\n".join(map(json.dumps, [*EVENTS, *EVENTS])), Refusal.EVENT_LINES, "traceEvents"),
        (json.dumps([OLD_EVENT]), Refusal.OLD_AUTOGRAD, "torch.profiler"),
        (json.dumps({"traceEvents": [OLD_EVENT]}), Refusal.OLD_AUTOGRAD, "torch.profiler"),
        (json.dumps(EVENTS, indent=2), Refusal.EVENT_ARRAY, "traceEvents"),
        ("==77== NVPROF is profiling process 77, command: ./a\n", Refusal.NVPROF_CSV, "nsys"),
        ('"Type","Time(%)","Time","Calls"\n', Refusal.NVPROF_CSV, "nsys"),
        ("Start,Duration,Grid X,Grid Y\nms,us,,\n", Refusal.NVPROF_CSV, "nsys"),
        ("Start (ns),Duration (ns),CorrId,GrdX\n", Refusal.NSYS_STATS, "sqlite"),
        ("404: Not Found", Refusal.WEB_PAGE, "download"),
        ("<!-- saved --><html>", Refusal.WEB_PAGE, "download"),
        (gzipped(gzipped(b"{}")), Refusal.ARCHIVE, "unpack"),
        (gzipped(b"NVIDIA Tegra Profiler Report 2024@2@3"), Refusal.PACKED, "gunzip"),
        (b"\xff" * 100, Refusal.UNKNOWN_FORMAT, "nsys SQLite export"),
        (_zip(), Refusal.ARCHIVE, "unpack"),
        (_tar(), Refusal.ARCHIVE, "unpack"),
        (gzipped(_tar()), Refusal.ARCHIVE, "unpack"),
        (b"\x28\xb5\x2f\xfd" + bytes(64), Refusal.ARCHIVE, "unpack"),
        (b"\xfd7zXZ\0" + bytes(64), Refusal.ARCHIVE, "unpack"),
        (pickle.dumps({"segments": []}), Refusal.PICKLE, "export_chrome_trace"),
        (pickle.dumps({"segments": []}, protocol=0), Refusal.PICKLE, "export_chrome_trace"),
        (pickle.dumps({"segments": []}, protocol=1), Refusal.PICKLE, "export_chrome_trace"),
        (pickle.dumps(["segments"], protocol=0), Refusal.PICKLE, "export_chrome_trace"),
        (pickle.dumps(Path("a"), protocol=0), Refusal.PICKLE, "export_chrome_trace"),
        ("a diary\nof three days\n", Refusal.UNKNOWN_FORMAT, "nsys SQLite export"),
        ("   \n", Refusal.UNKNOWN_FORMAT, "nsys SQLite export"),
        (bytes(5000), Refusal.ZEROED, "export it again"),
        (bytes(4096) + b"\x0d\0\0\0\1\x0f" + bytes(4090), Refusal.ZEROED, "--type sqlite"),
        (bytes(range(256)), Refusal.UNKNOWN_FORMAT, "nsys SQLite export"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["t.sqlite", "t.json.gz"])
def test_a_file_of_another_kind_is_named(
    tmp_path: Path, name: str, content: str | bytes, reason: Refusal, way_out: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(BadInput) as raised:
        trace_format(path)
    assert f"{path} {reason}" in raised.value.message
    assert way_out in raised.value.hint


@pytest.mark.parametrize(
    ("name", "way_out"),
    [("t.nsys-rep", "nsys export"), ("t.qdrep", "nsys export"), ("t.qdstrm", "QdstrmImporter -i")],
)
@pytest.mark.parametrize("content", [b"\0\1\2", b"U3w[END]NVIDIA Nsight Systems Stream 2024.2.3"])
def test_a_report_is_named_by_its_content_or_its_suffix(
    tmp_path: Path, name: str, way_out: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInput, match=Refusal.NSYS_REPORT) as raised:
        trace_format(path)
    assert way_out in raised.value.hint
    assert name in raised.value.hint


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (["StringIds.parquet", "NVTX_EVENTS.parquet"], Refusal.NSYS_OTHER_EXPORT),
        (["points.parquet"], Refusal.FOLDER),
        ([], Refusal.FOLDER),
    ],
)
def test_a_folder_is_refused(tmp_path: Path, files: list[str], reason: Refusal) -> None:
    for name in files:
        (tmp_path / name).write_bytes(b"PAR1")
    with pytest.raises(BadInput) as raised:
        trace_format(tmp_path)
    assert f"{tmp_path} {reason}" in raised.value.message


def test_a_text_shows_how_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("a diary\nof three days\n")
    with pytest.raises(BadInput, match="text that begins with 'a diary'"):
        trace_format(path)


def test_a_page_of_ncu_beside_a_process_without_metrics_is_a_page(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(f'==WARNING== {NO_METRICS}"ID","Process ID","Kernel Name"\n')
    assert trace_format(path) == TraceFormat.NCU_CSV


def test_torchs_trace_that_mentions_other_tools_is_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"schemaVersion": 1, "traceEvents": EVENTS, "note": POINTER}))
    assert trace_format(path) == TraceFormat.KINETO_JSON
