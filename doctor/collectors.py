"""Checks which collectors work here, and whether one of them can time kernels."""

from collections.abc import Iterator

from ..profiler.collectors.registry import COLLECTORS, choose_collectors
from ..store.errors import CannotMeasure
from ..store.recording import CollectorName
from . import nsight
from .check_result import CheckResult, Status


def collectors(device: str, gpu_index: int | None) -> Iterator[CheckResult]:
    """Check each collector on `device` ("cpu" or "cuda:N"); `gpu_index` is NVML's number of it.

    It is a fault where none of them records this device.
    """
    works = False
    for name in (CollectorName.CPU, CollectorName.KINETO):
        probe = COLLECTORS[name].probe(device)
        works |= probe.ok
        status = Status.OK if probe.ok else Status.SKIP
        yield CheckResult(f"collector {name}", status, probe.evidence)
    yield nsight.nsys(device, gpu_index)
    yield nsight.ncu(device)
    yield nsight.permission(device)
    if works:
        return
    try:
        choose_collectors("auto", device)
    except CannotMeasure as reason:
        yield CheckResult("collectors", Status.FAULT, reason.message, "no sweep runs", reason.hint)
