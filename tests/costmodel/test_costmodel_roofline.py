"""The roofline is the larger of two lower bounds, and work is a line over batch size."""

from typing import Any

import numpy as np
import pytest

from moeprof.costmodel.roofline import fit_work, observed_peaks, roofline
from moeprof.store.cost_model import ExpertWork, Peaks, Work

WORK = Work(flops_fixed=0.0, flops_per_token=1e9, bytes_fixed=2e8, bytes_per_token=1e5)
PEAKS = Peaks({"bfloat16": 1e15}, 2e12, None, "a sheet")


def test_the_larger_of_the_two_times_bounds_the_call() -> None:
    bound = roofline(WORK, PEAKS, "bfloat16")
    assert bound is not None
    sizes = np.array([1, 1000])
    assert bound.compute_us(sizes) == pytest.approx([1, 1000])
    assert bound.memory_us(sizes) == pytest.approx([100.05, 150])
    assert bound.bound_us(sizes) == pytest.approx([100.05, 1000])


def test_each_expected_active_expert_adds_its_weights() -> None:
    weights = ExpertWork(Work(0.0, 0.0, 0.0, 0.0), 0.0, 1e6, "uniform", experts=16, top_k=4)
    bound = roofline(weights, PEAKS, "bfloat16")
    assert bound is not None
    # One token has four experts; of 16 at a share of a quarter, 7 are idle with 3 tokens.
    expected = 16 * (1 - 0.75 ** np.array([1, 3, 1000]))
    assert bound.memory_us(np.array([1, 3, 1000])) == pytest.approx(0.5 * expected)


def test_nothing_is_bounded_without_work_or_rates() -> None:
    assert roofline(None, PEAKS, "bfloat16") is None
    assert roofline(WORK, None, "bfloat16") is None
    assert roofline(Work(0.0, 0.0, 0.0, 0.0), PEAKS, "bfloat16") is None
    arithmetic = Work(0.0, 1e9, 0.0, 0.0)
    assert roofline(arithmetic, PEAKS, "float64") is None


def test_work_is_split_into_a_fixed_part_and_one_per_token() -> None:
    tokens = np.array([1, 8, 64], dtype=np.int64)
    floats = tokens.astype(np.float64)
    assert fit_work(tokens, 1e3 * floats, 5e4 + 2e2 * floats) == Work(0.0, 1e3, 5e4, 2e2)


def test_work_that_is_not_linear_is_none() -> None:
    tokens = np.array([1, 8, 64], dtype=np.int64)
    floats = tokens.astype(np.float64)
    assert fit_work(tokens, floats * floats, floats) is None
    assert fit_work(tokens, 100.0 / floats, floats) is None


def test_observed_peaks_are_the_best_that_any_row_reached() -> None:
    rows: list[dict[str, Any]] = [
        {"latency_us": 10.0, "flops": 10**6, "bytes_moved": 10**4, "dtype": "float32"},
        {"latency_us": 5.0, "flops": 10**6, "bytes_moved": 10**3, "dtype": "float32"},
        {"latency_us": 5.0, "flops": None, "bytes_moved": None, "dtype": "float16"},
    ]
    peaks = observed_peaks(rows, 1 << 20)
    assert peaks.flops_per_s == pytest.approx({"float32": 2e11})
    assert peaks.bytes_per_s == pytest.approx(1e9)
    assert (peaks.cache_bytes, peaks.source) == (1 << 20, "observed")
