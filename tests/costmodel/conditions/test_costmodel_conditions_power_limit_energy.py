"""An estimated energy is flagged, lies between idle power and the limit, and replaces none."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moeprof.costmodel.conditions.power_limit_energy import (
    NO_LIMIT,
    NO_ROOFLINE,
    with_estimated_energy,
)
from moeprof.costmodel.cost import Cost
from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.roofline import Roofline
from moeprof.device.peaks import data_sheet
from moeprof.store.cost_model import CostModelFile, Work
from moeprof.store.provenance import Gpu, Provenance
from moeprof.tests.builders import make_model_file, make_points

LIMIT_W = 700.0
IDLE_W = 100.0
GPU = Gpu(0, "NVIDIA H200", "GPU-1", None, None, LIMIT_W, None, None, False, 50 << 20)
COST = Cost(
    op="fc1",
    tokens=8,
    latency_us=100.0,
    latency_us_lo=90.0,
    latency_us_hi=110.0,
    energy_mj=None,
    power_w=None,
    temp_rise_c=None,
    energy_source="unavailable",
    energy_reason="no power pass was asked for",
    source="kernel",
    measured=False,
    extrapolated=False,
)
HALF_USED = Roofline(Work(0.0, 0.0, 50e-6 * 1e12, 0.0), None, 1e12)  # 50 us of memory traffic


@pytest.fixture
def file() -> CostModelFile:
    """One curve without energy, whose work is known, measured on a GPU."""
    points = [
        make_points(lambda b: 20.0 + b, [size], flops=10**4 * size, bytes_moved=10**6 + size)
        for size in (1, 8, 64)
    ]
    return make_model_file(*points)


@pytest.fixture
def on_gpu(file: CostModelFile) -> Provenance:
    return replace(file.provenance, gpu=GPU)


def test_power_lies_between_idle_and_the_limit_by_the_utilisation(on_gpu: Provenance) -> None:
    cost = with_estimated_energy(COST, IDLE_W, HALF_USED, on_gpu)
    assert cost.power_w == pytest.approx(400.0)
    assert cost.energy_mj == pytest.approx(40.0)
    assert cost.energy_mj_lo == pytest.approx(9.0)
    assert cost.energy_mj_hi == pytest.approx(77.0)
    assert (cost.energy_source, cost.estimated) == ("estimated", True)
    assert cost.energy_reason == "from a power limit of 700 W, as no power pass was asked for"


def test_without_idle_power_it_is_18_percent_of_the_limit(on_gpu: Provenance) -> None:
    cost = with_estimated_energy(COST, None, HALF_USED, on_gpu)
    assert cost.power_w == pytest.approx(126 + 574 / 2)


def test_a_measured_energy_is_not_replaced(on_gpu: Provenance) -> None:
    measured = replace(COST, energy_mj=30.0, energy_source="nvml_counter", energy_reason=None)
    assert with_estimated_energy(measured, IDLE_W, HALF_USED, on_gpu) is measured


def test_without_a_limit_or_a_roofline_the_reason_is_given(on_gpu: Provenance) -> None:
    cpu = with_estimated_energy(COST, IDLE_W, HALF_USED, replace(on_gpu, gpu=None))
    assert (cpu.energy_mj, cpu.energy_source, cpu.estimated) == (None, "unavailable", False)
    assert str(cpu.energy_reason).endswith(NO_LIMIT)
    unbound = with_estimated_energy(COST, IDLE_W, None, on_gpu)
    assert str(unbound.energy_reason).endswith(NO_ROOFLINE)


def test_a_model_estimates_only_where_it_is_allowed_to(file: CostModelFile) -> None:
    model = KernelCostModel.from_file(replace(file, provenance=replace(file.provenance, gpu=GPU)))
    assert model.get_cost("fc1", 8).energy_mj is None
    assert model.get_cost("fc1", 8, allow_estimates=True).energy_source == "estimated"
    assert model.get_cost("fc1", 8).energy_mj is None


def test_an_operation_that_cannot_be_estimated_has_the_reason(file: CostModelFile) -> None:
    model = KernelCostModel.from_file(replace(file, provenance=replace(file.provenance, gpu=GPU)))
    elsewhere = model.get_cost("fc1", 8, shape=(16, 4), allow_estimates=True)
    assert (elsewhere.transferred, elsewhere.energy_mj) == (True, None)
    assert NO_ROOFLINE in str(elsewhere.energy_reason)


def test_its_error_on_long_calls_of_a_public_table_is_as_documented(on_gpu: Provenance) -> None:
    root = os.environ.get("MOEPROF_SAMPLE_DATA")
    if root is None:
        pytest.skip("MOEPROF_SAMPLE_DATA is not set")
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(Path(root) / "ops" / "aic_h200_gemm_bf16.parquet")
    rows = table[(table.t_us > 100) & table.power_w.notna()]
    peaks = data_sheet("NVIDIA H200")
    assert peaks is not None
    errors = []
    for row in rows.itertuples():
        flops, moved = 2.0 * row.N * row.K, 2.0 * (row.N * row.K + row.m * (row.N + row.K))
        work = Work(0.0, flops, moved, 0.0)
        bound = Roofline(work, peaks.flops_per_s["bfloat16"], peaks.bytes_per_s)
        cost = replace(COST, tokens=row.m, latency_us=row.t_us)
        found = with_estimated_energy(cost, None, bound, on_gpu)
        assert found.power_w is not None
        errors.append(abs(found.power_w / row.power_w - 1))
    assert np.mean(errors) == pytest.approx(0.15, abs=0.01)
    assert np.quantile(errors, 0.95) == pytest.approx(0.31, abs=0.015)
