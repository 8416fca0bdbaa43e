"""The part of an expert in kernels that compute all of them: a fixed charge, and slopes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.surface.fit import fit_surface
from moeprof.router.from_model import costs_of_experts
from moeprof.router.kinds.grouped import grouped_points
from moeprof.router.kinds.kind import ExpertKind
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.layer.gated_models import gated_model
from moeprof.tests.costmodel.surface.test_costmodel_surface_fit import POINTS, TOP_K
from moeprof.tests.router.expert_models import chain_file

IDLE_W, LOADED_W = 50.0, 250.0


def metered(row: dict[str, Any]) -> dict[str, Any]:
    """A point that draws LOADED_W, whose calls last under a steady load as long as single ones."""
    return row | {
        "energy_mj": LOADED_W * row["latency_us"] / 1000,
        "energy_mj_ci95": 1e-3,
        "energy_source": "nvml_counter",
        "latency_sustained_us": row["latency_us"],
        "idle_power_w": IDLE_W,
    }


def surface_model(metered_points: int) -> KernelCostModel:
    """6 us an active expert, 0.1 a token, 0.2 a row of the mean expert beyond a tile, 3 in all."""
    reason = {"energy_reason": "not an anchor"}
    rows = [metered(row) if at < metered_points else row | reason for at, row in enumerate(POINTS)]
    return KernelCostModel.from_file(replace(chain_file(), surfaces=(fit_surface("moe", rows),)))


def test_an_expert_has_the_coefficients_of_a_surface() -> None:
    costs = costs_of_experts(surface_model(len(POINTS)), [ExpertKind(("moe",))] * 32, 64)
    rows = costs.loads[1:]
    expected_us = 6 + 0.1 * rows / TOP_K + 0.2 * np.maximum(0, rows - 16) / 32
    assert costs.latency_s[0, 1:] * 1e6 == pytest.approx(expected_us, rel=1e-3)
    above_idle = (LOADED_W - IDLE_W) * costs.latency_s[0, 1:]
    assert costs.energy_j[0, 1:] == pytest.approx(above_idle, rel=1e-3)


def test_loads_beyond_the_measured_batches_are_told_and_far_ones_refused() -> None:
    most = max(row["tokens"] for row in POINTS)
    moe = [ExpertKind(("moe",))] * 32
    within, beyond = (costs_of_experts(surface_model(0), moe, size) for size in (most, 2 * most))
    fitted = "moe: an expert's part is by a fit that misses the costs by 0.0 %"
    assert within.remarks == (fitted,)
    above = int((beyond.loads > most).sum())
    assert beyond.remarks == (
        f"moe: {above} of {len(beyond.loads) - 1} loads are extrapolated", fitted,
    )  # fmt: skip
    with pytest.raises(BadInput, match="more than 4 doublings away"):
        costs_of_experts(surface_model(0), moe, 17 * most)


def test_two_metered_knots_are_too_few_for_the_energy_of_an_expert() -> None:
    costs = costs_of_experts(surface_model(2), [ExpertKind(("moe",))] * 32, 64)
    assert costs.energy_reason is not None
    assert costs.energy_reason.startswith("moe: ")
    assert costs.latency_s[0, 1:].all()


def test_a_part_of_two_layers_is_refused_and_a_single_kernel_is_none_of_all_experts() -> None:
    one = gated_model("uniform")
    other = replace(one.file.layers[0], hidden=16)
    both = KernelCostModel.from_file(replace(one.file, layers=(*one.file.layers, other)))
    with pytest.raises(BadInput, match="w13_grouped stands for 2 of the model"):
        grouped_points(both, "w13_grouped", allow_estimates=False)
    assert grouped_points(one, "fc1", allow_estimates=False) is None
