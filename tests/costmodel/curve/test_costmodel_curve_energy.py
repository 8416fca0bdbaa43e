"""Energy is power under a steady load, times latency, times the sustained ratio.

Between metered knots energy and times are lines, and power is their quotient.
"""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.curve.energy import metered
from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import CurveModel
from moeprof.tests.builders import make_model, make_points

METERED = {"energy_source": "nvml_counter", "energy_reason": None, "idle_power_w": 100.0}


@pytest.fixture
def model() -> KernelCostModel:
    """Single calls of 10 us; under a steady load 400 W for 20 us at size 1, 500 W for 12 at 11."""
    points = [
        make_points(lambda b: 10.0, [size], power_w=watts, latency_sustained_us=sustained_us,
                    energy_mj=watts * sustained_us / 1000, **METERED)
        for size, watts, sustained_us in ((1, 400.0, 20.0), (11, 500.0, 12.0))
    ]  # fmt: skip
    return make_model(*points)


def test_the_ratio_of_sustained_to_single_calls_is_kept(model: KernelCostModel) -> None:
    assert model.curves[0].sustained_ratio == (2.0, 1.2)


def test_power_is_energy_over_the_sustained_time(model: KernelCostModel) -> None:
    costs = [model.get_cost("fc1", size) for size in (1, 6, 11)]
    assert [cost.power_w for cost in costs] == pytest.approx([400, 1000 * 7 / 16, 500])
    assert [cost.latency_us for cost in costs] == pytest.approx([10, 10, 10])
    assert [cost.energy_mj for cost in costs] == pytest.approx([8, 7, 6])


def test_energy_with_a_fixed_part_and_one_per_token_is_exact_between_two_knots() -> None:
    """Its power, 110 W at size 1 and 200 W at 512, is no line."""
    points = [
        make_points(lambda b: 9.0 + b, [size], energy_mj=0.9 + 0.2 * size, **METERED)
        for size in (1, 512)
    ]
    cost = make_model(*points).get_cost("fc1", 32)
    assert cost.energy_mj == pytest.approx(0.9 + 0.2 * 32, rel=1e-5)


def test_static_energy_is_that_of_the_sustained_call(model: KernelCostModel) -> None:
    parts = model.get_cost_breakdown("fc1", 1)
    assert parts.static_energy_mj == pytest.approx(100 * 20 / 1000)
    assert parts.dynamic_energy_mj == pytest.approx(300 * 20 / 1000)


def test_an_anchor_of_unknown_interval_has_none() -> None:
    points = make_points(lambda b: 10.0, [1, 6, 11], power_w=400.0, energy_mj=4.0, **METERED)
    model = make_model(points)
    assert model.get_cost("fc1", 6).energy_mj_hi is None
    assert model.get_cost("fc1", 8).energy_mj_hi is not None


@pytest.fixture
def curve() -> CurveModel:
    """Four metered knots of 400 W, each known to 2 %."""
    points = make_points(
        lambda b: 10.0, [1, 6, 11, 16], power_w=400.0, energy_mj=4.0, energy_mj_ci95=0.08, **METERED
    )
    return make_model(points).curves[0]


def half_widths(curve: CurveModel, *sizes: int) -> list[float]:
    found = metered(curve, None, np.full(len(sizes), 10.0), np.array(sizes))
    return [float(half) for half in found.half_width]


def test_independent_errors_of_two_knots_partly_cancel_between_them(curve: CurveModel) -> None:
    shares = [1.0, (0.8**2 + 0.2**2) ** 0.5, (0.6**2 + 0.4**2) ** 0.5, 1.0]
    assert half_widths(curve, 1, 2, 3, 6) == pytest.approx([0.02 * share for share in shares])


def test_between_two_knots_alone_no_interval_is_known() -> None:
    """None of them can be left out to see how far the line between them is off."""
    points = make_points(
        lambda b: 10.0, [1, 11], power_w=400.0, energy_mj=4.0, energy_mj_ci95=0.08, **METERED
    )
    model = make_model(points)
    assert model.get_cost("fc1", 6).energy_mj_hi is None
    assert model.get_cost("fc1", 11).energy_mj_hi is not None


def test_between_knots_of_two_kernels_the_error_is_that_of_one(curve: CurveModel) -> None:
    two_kernels = replace(curve, segments=(0, 0, 1, 1))
    assert half_widths(two_kernels, 8, 10, 13) == pytest.approx(
        [0.02, 0.02, 0.02 * (0.6**2 + 0.4**2) ** 0.5]
    )


def test_an_unknown_sustained_time_counts_as_that_of_a_single_call() -> None:
    points = make_points(lambda b: 10.0, [1, 11], power_w=400.0, energy_mj=4.0, **METERED)
    model = make_model(points)
    assert model.curves[0].sustained_ratio is None
    assert model.get_cost("fc1", 6).power_w == pytest.approx(400)
