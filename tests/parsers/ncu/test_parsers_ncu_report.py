"""Reports of Nsight Compute, with a stand-in for NVIDIA's package; the file's blocks are real."""

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.parsers.messages import Refusal, TraceWarning
from moeprof.parsers.ncu.report import check_report, read_ncu_report
from moeprof.parsers.trace_file import parse_trace
from moeprof.store.errors import BadInput

KERNEL = {"gpu__time_duration.sum": 10816.0, "launch__registers_per_thread": 32.0}


def report(path: Path, *payloads: int) -> Path:
    """Write a report with one block per payload, whose sizes in bytes are given."""
    blocks = [b"\x08\x01\x22\x01x" + b"\x28" + varint(size) for size in payloads]
    body = b"NVR\0" + (2).to_bytes(4, "little") + b"\x08\x07"
    for block, size in zip(blocks, payloads, strict=True):
        body += len(block).to_bytes(4, "little") + block + bytes(size)
    path.write_bytes(body)
    return path


def varint(value: int) -> bytes:
    """Encode a number as protobuf does."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, float]]:
    """Install a stand-in for NVIDIA's package; every report holds the kernels of this list."""
    kernels: list[dict[str, float]] = []

    def metric(value: float | None) -> Any:
        return None if value is None else SimpleNamespace(
            has_value=lambda: value == value, as_double=lambda: value, unit=lambda: "s"
        )  # fmt: skip

    def action(number: int) -> Any:
        return SimpleNamespace(
            NameBase_DEMANGLED=1,
            name=lambda base: "gemm(int)" if base == 1 else "gemm",
            metric_by_name=lambda name: metric(kernels[number].get(name)),
        )

    one = SimpleNamespace(num_actions=lambda: len(kernels), action_by_idx=action)
    context = SimpleNamespace(num_ranges=lambda: 1, range_by_idx=lambda number: one)
    stand_in = module_from_spec(ModuleSpec("ncu_report", loader=None))
    stand_in.load_report = lambda path: context  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ncu_report", stand_in)
    return kernels


def test_values_are_in_base_units_and_absent_metrics_are_null(
    tmp_path: Path, package: list[dict[str, float]]
) -> None:
    package += [KERNEL, {"dram__bytes_read.sum": float("nan")}]
    ((name, counters),) = parse_trace(report(tmp_path / "r.ncu-rep", 9, 300)).pieces
    assert name == "counters"
    first, second = counters.to_pylist()
    assert (first["kernel"], first["launch"]) == ("gemm(int)", 0)
    assert (first["duration_ns"], first["registers_per_thread"]) == (10816, 32)
    assert (first["dram_read_bytes"], second["dram_read_bytes"]) == (None, None)


def test_a_metric_that_is_not_finite_is_null_and_told(
    tmp_path: Path, package: list[dict[str, float]]
) -> None:
    package += [KERNEL, KERNEL | {"gpu__time_duration.sum": float("inf")}]
    counters = read_ncu_report(report(tmp_path / "r.ncu-rep", 9))
    assert counters.table["duration_ns"].to_pylist() == [10816, None]
    (warning,) = counters.warnings
    told = f"1 {TraceWarning.CELLS_WITHOUT_NUMBER}: gpu__time_duration.sum 1 ('inf')"
    assert warning == f"r.ncu-rep: {told}"


@pytest.mark.usefixtures("package")
def test_a_report_without_a_readable_kernel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=Refusal.NCU_REPORT_EMPTY):
        read_ncu_report(report(tmp_path / "r.ncu-rep", 5))


@given(payloads=st.lists(st.integers(0, 70_000), min_size=1, max_size=4), cut=st.integers(1, 10))
def test_a_report_is_whole_where_its_blocks_end_with_the_file(
    tmp_path_factory: pytest.TempPathFactory, payloads: list[int], cut: int
) -> None:
    """A block takes 11 bytes without its payload: so many fewer never end with a block."""
    path = report(tmp_path_factory.mktemp("r") / "r.ncu-rep", *payloads)
    check_report(path)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(BadInput, match=Refusal.NCU_REPORT_DAMAGED) as raised:
        check_report(path)
    assert path.name in raised.value.message
    assert raised.value.hint


def test_a_report_without_blocks_is_whole(tmp_path: Path) -> None:
    check_report(report(tmp_path / "r.ncu-rep"))


@given(rest=st.binary(max_size=40))
def test_few_bytes_after_the_magic_number_are_cut_short(
    tmp_path_factory: pytest.TempPathFactory, rest: bytes
) -> None:
    path = tmp_path_factory.mktemp("r") / "r.ncu-rep"
    path.write_bytes(b"NVR\0" + (1000).to_bytes(4, "little") + rest)
    with pytest.raises(BadInput, match=Refusal.NCU_REPORT_DAMAGED):
        check_report(path)
