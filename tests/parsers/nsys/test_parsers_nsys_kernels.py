"""Kernel rows of an nsys export: GPU, order, rows that cannot be true."""

from collections.abc import Callable
from typing import Any

import pytest

from moeprof.parsers.messages import TraceWarning
from moeprof.parsers.nsys.kernels import NAMES
from moeprof.parsers.nsys.trace import read_nsys
from moeprof.tests.builders import EPOCH_NS
from moeprof.tests.nsys_file import PID, NsysFile

OTHER_PID = 77


def test_a_cuda_ordinal_is_mapped_to_the_id_of_its_gpu(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file("3.24.14")
    for gpu in (0, 3):
        file.add("TARGET_INFO_GPU", id=gpu, name="GPU")
    file.add("TARGET_INFO_CUDA_DEVICE", gpuId=3, cudaId=0, pid=PID)
    file.kernel(1, 2, 1)
    file.kernel(3, 4, 2, globalPid=OTHER_PID << 24)
    assert read_nsys(file.close()).kernels["gpu"].to_pylist() == [3, None]


@pytest.mark.parametrize(("gpus", "expected"), [([5], 5), ([0, 1], None), ([], None)])
def test_without_a_map_only_the_one_gpu_of_a_machine_is_certain(
    nsys_file: Callable[..., NsysFile], gpus: list[int], expected: int | None
) -> None:
    file = nsys_file()
    for gpu in gpus:
        file.add("TARGET_INFO_GPU", id=gpu, name="GPU")
    file.kernel(1, 2, 1)
    assert read_nsys(file.close()).kernels["gpu"].to_pylist() == [expected]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (10, 5),
        (0, 0),
        (10, 0),
        (None, 5),
        (5, None),
        (None, None),
        (-(2**63), 2**63 - 1),
        (2**62, 2**62 + 9),
        (-(2**63), 9),
    ],
)
def test_a_kernel_with_impossible_times_is_untimed_comes_last_and_is_counted(
    nsys_file: Callable[..., NsysFile], start: int | None, end: int | None
) -> None:
    file = nsys_file()
    file.kernel(start, end, 1)
    file.kernel(10, 15, 2)
    trace = read_nsys(file.close())
    columns = ("correlation_id", "start_ns", "duration_ns")
    found = [trace.kernels[name].to_pylist() for name in columns]
    assert found == [[2, 1], [EPOCH_NS + 10, None], [5, None]]
    (warning,) = trace.warnings
    assert f"1 of 2 {TraceWarning.UNTIMED}" in warning


@pytest.mark.parametrize(("start", "end"), [(0, 1), (7, 7), (-9, -2), (-9, 0)])
def test_a_kernel_without_duration_or_from_before_the_session_keeps_its_time(
    nsys_file: Callable[..., NsysFile], start: int, end: int
) -> None:
    file = nsys_file()
    file.kernel(start, end, 1)
    trace = read_nsys(file.close())
    assert trace.kernels["start_ns"].to_pylist() == [EPOCH_NS + start]
    assert trace.kernels["duration_ns"].to_pylist() == [end - start]
    assert trace.warnings == []


def _named(file: NsysFile, **names: Any) -> list[str | None]:
    file.kernel(20, 30, 2, name="gemm")
    file.kernel(10, 15, 1, **names)
    found: list[str | None] = read_nsys(file.close()).kernels["kernel"].to_pylist()
    return found


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("a<int>(int)", "a", "_Z1aIiEvi"), "a<int>(int)"),
        ((None, "a", "_Z1aIiEvi"), "a"),
        (("", "a", None), "a"),
        ((None, None, "_Z1aIiEvi"), "_Z1aIiEvi"),
    ],
)
@pytest.mark.parametrize("missing_id", [None, 4711])
def test_a_kernel_without_a_demangled_name_has_the_short_or_the_mangled_one(
    nsys_file: Callable[..., NsysFile],
    texts: tuple[str | None, ...],
    expected: str,
    missing_id: int | None,
) -> None:
    file = nsys_file()
    ids = [missing_id if text is None else file.string(text) for text in texts]
    found = _named(file, **dict(zip(NAMES, ids, strict=True)))
    assert found == [expected, "gemm"]


def test_a_kernel_without_any_name_is_null_and_counted(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.kernel(10, 15, 1, demangledName=None)
    file.kernel(20, 25, 1, demangledName=4711, shortName=4712)
    trace = read_nsys(file.close())
    assert trace.kernels["kernel"].to_pylist() == [None, None]
    (warning,) = trace.warnings
    assert f"2 {TraceWarning.UNNAMED_KERNELS}" in warning


def test_an_export_without_demangled_names_has_short_ones(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.table("CUPTI_ACTIVITY_KIND_KERNEL", "start INTEGER, end INTEGER, shortName INTEGER")
    file.add("CUPTI_ACTIVITY_KIND_KERNEL", start=1, end=2, shortName=file.string("a"))
    assert read_nsys(file.close()).kernels["kernel"].to_pylist() == ["a"]


def test_kernels_come_in_the_order_of_their_start(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.kernel(30, 35, 1)
    file.kernel(10, 15, 2)
    kernels = read_nsys(file.close()).kernels
    assert kernels["correlation_id"].to_pylist() == [2, 1]
