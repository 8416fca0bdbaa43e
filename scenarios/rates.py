"""Operations and bytes per second of a device. They estimate how long a run takes, nothing else."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch

from ..device.peaks import data_sheet
from ..kernels.packing import dequantise, packed_shape
from ..store.provenance import Provenance

_TRIES: Final = 2  # timed calls, after one to warm up
_ROWS, _OUTPUTS, _INPUTS = 64, 1024, 2048
_PACKED_OUTPUTS, _GROUP = 4608, 128  # so large that unpacking includes page faults
_READ_BYTES: Final = 1 << 26  # larger than most caches


@dataclass(frozen=True, slots=True)
class Rates:
    """Operations and bytes per second.

    `unpack_flops_per_s` is the rate of unpacking weights in a separate pass, at two operations per
    weight; None if unpacking runs at `flops_per_s`.
    """

    flops_per_s: float
    bytes_per_s: float
    unpack_flops_per_s: float | None = None


def rates_of(provenance: Provenance, dtype: str) -> Rates | None:
    """Rates of a GPU by its data sheet, None if it has none; rates of a CPU are measured."""
    if provenance.gpu is None:
        return cpu_rates(dtype, provenance.threads)
    peaks = data_sheet(provenance.gpu.name)
    if peaks is None or peaks.bytes_per_s is None:
        return None
    return Rates(peaks.flops_per_s[dtype], peaks.bytes_per_s)


def cpu_rates(dtype: str, threads: int) -> Rates:
    """Measure a matrix product, a read and an unpacking on this CPU, in less than a second.

    CPUs differ more than tenfold, mostly by their instructions for `dtype`.
    """
    number = getattr(torch, dtype)
    x = torch.ones(_ROWS, _INPUTS, dtype=number)
    weight = torch.ones(_OUTPUTS, _INPUTS, dtype=number)
    packed = torch.ones(packed_shape(_PACKED_OUTPUTS, _INPUTS, 4), dtype=torch.int32)
    scales = torch.ones(_INPUTS // _GROUP, _PACKED_OUTPUTS, dtype=number)
    data = torch.ones(_READ_BYTES // 4)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return Rates(
            2 * _ROWS * weight.numel() / _seconds(lambda: torch.nn.functional.linear(x, weight)),
            _READ_BYTES / _seconds(data.sum),
            2 * _PACKED_OUTPUTS * _INPUTS / _seconds(lambda: dequantise(packed, scales, _INPUTS)),
        )
    finally:
        torch.set_num_threads(before)


def _seconds(work: Callable[[], object]) -> float:
    """Mean time of a call, s; the mean and not the best, because a run has slow calls too."""
    work()
    begin_s = time.perf_counter()
    for _ in range(_TRIES):
        work()
    return (time.perf_counter() - begin_s) / _TRIES
