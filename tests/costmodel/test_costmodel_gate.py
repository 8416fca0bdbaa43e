"""The gate refuses rows faster than the roofline, less an allowance for caches and clocks."""

import os
from pathlib import Path
from typing import Any

import pytest

from moeprof.costmodel.gate import check_row, refuse_impossible
from moeprof.device.peaks import data_sheet
from moeprof.store.cost_model import Peaks
from moeprof.store.errors import BadInput

H100 = Peaks({"bfloat16": 1e15}, 3e12, 50 << 20, "a sheet")


def test_a_row_slower_than_its_roofline_passes() -> None:
    assert check_row(200.0, 1e11, 3e8, H100, dtype="bfloat16") is None


def test_a_row_faster_than_its_arithmetic_is_refused_with_the_floor() -> None:
    refusal = check_row(90.0, 1e11, 0.0, H100, dtype="bfloat16")
    assert refusal is not None
    assert refusal.floor_us == pytest.approx(100)
    assert refusal.bound == "its arithmetic"
    assert "the dtype is not the one" in refusal.why
    assert refusal.sentence("fc1 at 8").startswith("fc1 at 8 took 90 us, and its arithmetic alone")


def test_a_boost_clock_of_5_pct_is_spared() -> None:
    assert check_row(96.0, 1e11, 0.0, H100, dtype="bfloat16") is None


def test_bytes_that_the_cache_can_hold_need_not_come_from_memory() -> None:
    assert check_row(1.0, 0.0, 50 << 20, H100, dtype="bfloat16") is None
    refusal = check_row(20.0, 0.0, (50 << 20) + 3e8, H100, dtype="bfloat16")
    assert refusal is not None
    assert refusal.floor_us == pytest.approx(100)
    assert refusal.bound == "reading its operands"


@pytest.mark.parametrize(
    ("latency_us", "cause"),
    [(0.1, "ms or s where us"), (20.0, "did not do all of this work"), (60.0, "the dtype is not")],
)
def test_the_likely_cause_follows_from_how_far_it_is_off(latency_us: float, cause: str) -> None:
    refusal = check_row(latency_us, 1e11, 0.0, H100, dtype="bfloat16")
    assert refusal is not None
    assert cause in refusal.why


def test_a_rate_that_is_not_known_refuses_nothing() -> None:
    assert check_row(1e-9, 1e15, 0.0, H100, dtype="float64") is None


def sample(name: str) -> Any:
    root = os.environ.get("MOEPROF_SAMPLE_DATA")
    if root is None:
        pytest.skip("MOEPROF_SAMPLE_DATA is not set")
    pandas = pytest.importorskip("pandas")
    return pandas.read_parquet(Path(root) / "ops" / f"{name}.parquet")


def test_public_step_rows_are_refused() -> None:
    table = sample("blis_steps_must_reject")
    peaks = data_sheet("H100")
    assert peaks is not None
    rows = table.sample(500, random_state=0).itertuples()
    weights = [(r.step_duration_us, r.params * 2 / r.tp) for r in rows]
    refused = [check_row(t, 0.0, w, peaks, dtype="bfloat16") is not None for t, w in weights]
    assert sum(refused) / len(refused) > 0.95


@pytest.mark.parametrize("name", ["vidur_a100", "aic_h200_gemm_bf16", "llmservingsim_gemm"])
def test_good_public_gemms_pass(name: str) -> None:
    table = sample(name)
    gemms = table.query("family == 'gemm'")
    for row in gemms.sample(500, random_state=0).itertuples():
        m, n, k = int(row.m), int(row.N), int(row.K)
        peaks = data_sheet(row.gpu)
        assert peaks is not None
        work = 2.0 * m * n * k, 2.0 * (m * k + n * k + m * n)
        assert check_row(row.t_us, *work, peaks, dtype="bfloat16") is None


def test_a_table_in_ms_says_so_by_its_fastest_row() -> None:
    rows = [
        {"curve": "fc1", "tokens": 1, "latency_us": 5.0, "flops": 10**6, "bytes_moved": 10**7,
         "dtype": "float32"},
        {"curve": "fc1", "tokens": 64, "latency_us": 0.5, "flops": 10**9, "bytes_moved": 10**7,
         "dtype": "float32"},
    ]  # fmt: skip
    peaks = Peaks({"float32": 1e12}, 1e12, None, "a sheet")
    with pytest.raises(BadInput, match=r"2 of 2 points.*batch size 64.*look like ms") as caught:
        refuse_impossible(rows, peaks)
    assert "the unit" in caught.value.hint
