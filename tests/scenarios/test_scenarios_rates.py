"""Rates for estimates: from a GPU's data sheet, or measured on this CPU."""

from dataclasses import replace

import pytest
import torch

from moeprof.device.peaks import data_sheet
from moeprof.scenarios.rates import Rates, cpu_rates, rates_of
from moeprof.store.provenance import Gpu
from moeprof.tests.profiler.worlds import PROVENANCE


def gpu(name: str) -> Gpu:
    return Gpu(0, name, "GPU-0", None, None, None, None, None, None, None)


def test_a_gpu_has_the_rates_of_its_data_sheet() -> None:
    peaks = data_sheet("NVIDIA H200")
    assert peaks is not None
    on_gpu = replace(PROVENANCE, gpu=gpu("NVIDIA H200"))
    expected = Rates(peaks.flops_per_s["bfloat16"], peaks.bytes_per_s or 0.0)
    assert rates_of(on_gpu, "bfloat16") == expected


def test_a_gpu_without_a_data_sheet_has_unknown_rates() -> None:
    assert rates_of(replace(PROVENANCE, gpu=gpu("a new one")), "bfloat16") is None


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_cpu_is_measured_and_its_threads_are_restored(dtype: str) -> None:
    before = torch.get_num_threads()
    rates = cpu_rates(dtype, threads=before + 1)
    assert torch.get_num_threads() == before
    assert rates.flops_per_s > 0
    assert rates.bytes_per_s > 0
    assert (rates.unpack_flops_per_s or 0) > 0
