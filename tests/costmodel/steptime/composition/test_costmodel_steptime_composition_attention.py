"""Measured attention counts by how much longer it takes than reading its cache."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.composition.attention import beyond_reading
from moeprof.costmodel.steptime.composition.kernels import ModelKernels
from moeprof.tests.costmodel.steptime.composition.h200_kernels import (
    BYTES_PER_US,
    curve,
    h200_kernels,
    kernel_model,
)
from moeprof.tests.costmodel.steptime.whole_models import DEEPSEEK_V3, LLAMA_3_8B, served

LLAMA = served(LLAMA_3_8B, "H200")


def cache_us(context: int) -> float:
    """Reading the cache of one sequence in one layer."""
    return 2 * 8 * 128 * context * 2 / BYTES_PER_US


def test_the_nearest_measured_context_tells_how_much_longer() -> None:
    kernels = ModelKernels(
        kernel_model(
            curve("attention_decode", (32, 8, 128, 1024), lambda n: 1.5 * n * cache_us(1024)),
            curve("attention_decode", (32, 8, 128, 8192), lambda n: 1.2 * n * cache_us(8192)),
        )
    )
    sequences = np.asarray([1.0, 8.0, 8.0])
    found = beyond_reading(kernels, LLAMA, sequences, np.asarray([500.0, 2000.0, 6000.0]))
    assert found == pytest.approx([0.5, 0.5, 0.2], abs=1e-3)


def test_a_kernel_faster_than_the_data_sheet_adds_nothing() -> None:
    fast = curve("attention_decode", (32, 8, 128, 1024), lambda n: 0.5 * n * cache_us(1024))
    found = beyond_reading(ModelKernels(kernel_model(fast)), LLAMA, np.ones(1), np.ones(1))
    assert found.tolist() == [0]


def test_without_such_a_kernel_nothing_is_added() -> None:
    for one in (LLAMA, served(DEEPSEEK_V3, "H200")):
        assert beyond_reading(h200_kernels(), one, np.ones(2), np.ones(2)).tolist() == [0, 0]
