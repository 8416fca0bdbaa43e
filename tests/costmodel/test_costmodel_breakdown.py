"""A cost is taken apart into what bounds it, and squeezed where memory bounds it alone."""

from dataclasses import replace
from typing import Any

import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import Peaks, Pole, Thermal, ThermalResponse
from moeprof.store.errors import BadInput
from moeprof.tests.builders import make_model, make_model_file, make_points

PEAKS = Peaks({"float32": 1e12}, 1e11, None, "a sheet")
HEAT = Thermal(0.1, 1000, ThermalResponse((Pole(3.0, 0.1),), 30.0, 0.3, hot_s=120.0))
METERED = {"energy_source": "nvml_counter", "energy_reason": None, "idle_power_w": 50.0}


@pytest.fixture
def model() -> KernelCostModel:
    """An operation that memory bounds to 100 tokens and arithmetic beyond: 10 us, 1 us a token."""
    tables = [
        make_points(
            lambda b: 60.0 + 2 * b,
            [size],
            flops=10**6 * size,
            bytes_moved=10**7,
            energy_mj=0.1 * (60 + 2 * size),
            gap_us=0.5,
            **METERED,
        )
        for size in (1, 50, 100, 150, 200)
    ]
    return KernelCostModel.from_file(replace(make_model_file(*tables), peaks=PEAKS, thermal=HEAT))


def test_memory_compute_launch_and_energy_are_told_apart(model: KernelCostModel) -> None:
    parts = model.get_cost_breakdown("fc1", 50)
    assert (parts.memory_us, parts.compute_us, parts.bound) == (100.0, 50.0, "memory")
    assert parts.rest_us == pytest.approx(60)
    assert parts.launch_us == pytest.approx(0.5)
    assert parts.static_energy_mj == pytest.approx(50 * 160 / 1000)
    assert parts.dynamic_energy_mj == pytest.approx(16 - 8)
    assert parts.temp_rise_c == pytest.approx(0.1 * (100 - 50))
    assert parts.reasons == {}
    assert model.get_cost_breakdown("fc1", 150).bound == "compute"


def test_what_is_not_known_has_a_reason() -> None:
    bare = make_model(make_points(lambda b: 10.0 + b, [1, 9]))
    parts = bare.get_cost_breakdown("fc1", 5)
    assert (parts.memory_us, parts.compute_us, parts.launch_us) == (None, None, None)
    assert (parts.static_energy_mj, parts.dynamic_energy_mj, parts.temp_rise_c) == (None,) * 3
    assert set(parts.reasons) >= {"memory_us", "launch_us", "static_energy_mj", "temp_rise_c"}
    assert "moeprof profile --thermal-step" in parts.reasons["temp_rise_c"]
    heated = KernelCostModel.from_file(replace(bare.file, thermal=HEAT))
    reasons = heated.get_cost_breakdown("fc1", 5).reasons
    assert reasons["temp_rise_c"] == reasons["static_energy_mj"]


def test_memory_pressure_stretches_what_memory_bounds_alone(model: KernelCostModel) -> None:
    free, squeezed = model.get_cost("fc1", 50), model.get_cost("fc1", 50, memory_pressure=0.5)
    assert squeezed.latency_us == pytest.approx(free.latency_us + 100)  # 100 us become 200
    assert squeezed.estimated
    assert not squeezed.measured
    assert squeezed.energy_mj == pytest.approx(16 + 50 * 100 / 1000)
    bound = model.get_cost("fc1", 200, memory_pressure=0.5)  # 200 us of arithmetic
    assert bound.latency_us == model.get_cost("fc1", 200).latency_us
    assert bound.estimated


@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0, float("nan")])
def test_a_pressure_that_cannot_be_is_refused(model: KernelCostModel, share: float) -> None:
    with pytest.raises(BadInput, match="memory pressure"):
        model.get_cost("fc1", 50, memory_pressure=share)


LEAKY = replace(HEAT, leakage_w_per_c=2.0, leakage_w_per_c_ci95=0.1, reference_temp_c=50.0)


def test_temperature_acts_only_if_leakage_was_fitted(model: KernelCostModel) -> None:
    plain = model.get_cost("fc1", 50)
    assert model.get_cost("fc1", 50, current_temp_c=80.0) == plain
    warm = KernelCostModel.from_file(replace(model.file, thermal=LEAKY))
    cost = warm.get_cost("fc1", 50, current_temp_c=80.0)
    assert cost.power_w == pytest.approx(100 + 2 * 30)
    assert cost.energy_mj == pytest.approx(16 + 2 * 30 * 160 / 1000)
    assert cost.temp_rise_c == plain.temp_rise_c
    assert cost.estimated
    assert warm.get_cost("fc1", 50, current_temp_c=50.0).energy_mj == plain.energy_mj
    with pytest.raises(BadInput, match="no device works there"):
        warm.get_cost("fc1", 50, current_temp_c=1000.0)
    with pytest.raises(BadInput, match=r"at -10.0 °C fc1 would draw no power.* 50 °C"):
        warm.get_cost("fc1", 50, current_temp_c=-10.0)


def test_the_interval_at_another_temperature_holds_that_of_the_leakage() -> None:
    points = make_points(lambda b: 10.0, [1, 9], energy_mj=1.0, energy_mj_ci95=0.001, **METERED)
    warm = KernelCostModel.from_file(replace(make_model_file(points), thermal=LEAKY))
    plain, cost = warm.get_cost("fc1", 1), warm.get_cost("fc1", 1, current_temp_c=80.0)
    assert cost.energy_mj is not None
    assert cost.energy_mj_hi is not None
    assert cost.energy_mj_lo is not None
    assert plain.energy_mj is not None
    assert plain.energy_mj_hi is not None
    own = plain.energy_mj_hi / plain.energy_mj
    assert cost.energy_mj_hi / cost.energy_mj == pytest.approx(own * (160 + 0.1 * 30) / 160)
    assert cost.energy_mj_lo / cost.energy_mj == pytest.approx((160 - 0.1 * 30) / 160 / own)


def test_heat_that_is_not_known_is_refused_with_the_reason() -> None:
    bare = make_model(make_points(lambda b: 10.0 + b, [1, 9]))
    asked: dict[str, Any] = {"max_temp_c": 80.0, "current_temp_c": 50.0}
    with pytest.raises(BadInput, match="is not known: no step in power was recorded") as caught:
        bare.get_thermal_safe_batch_size("fc1", **asked)
    assert "--thermal-step" in caught.value.hint
    heated = KernelCostModel.from_file(replace(bare.file, thermal=HEAT))
    with pytest.raises(BadInput, match="is not known: this machine has no energy counter"):
        heated.get_thermal_safe_batch_size("fc1", **asked)
