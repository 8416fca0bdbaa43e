"""Kernel rows of an nsys export: GPU, order, rows that cannot be true."""

from collections.abc import Callable

import pytest

from moeprof.parsers.messages import TraceWarning
from moeprof.parsers.nsys.trace import read_nsys
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


def test_a_kernel_that_ends_before_it_starts_is_left_out_and_counted(
    nsys_file: Callable[..., NsysFile],
) -> None:
    file = nsys_file()
    file.kernel(10, 5, 1)
    file.kernel(10, 15, 2)
    trace = read_nsys(file.close())
    assert trace.kernels.num_rows == 1
    (warning,) = trace.warnings
    assert f"1 {TraceWarning.ENDS_BEFORE_START}" in warning


def test_kernels_come_in_the_order_of_their_start(nsys_file: Callable[..., NsysFile]) -> None:
    file = nsys_file()
    file.kernel(30, 35, 1)
    file.kernel(10, 15, 2)
    kernels = read_nsys(file.close()).kernels
    assert kernels["correlation_id"].to_pylist() == [2, 1]
