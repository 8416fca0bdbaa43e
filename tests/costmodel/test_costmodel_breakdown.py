"""A cost is split into memory, compute, launch, static and dynamic energy."""

from dataclasses import replace

import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.tests.builders import make_model, make_points
from moeprof.tests.costmodel.models import HEAT, metered_model


@pytest.fixture
def model() -> KernelCostModel:
    return metered_model()


def test_a_cost_is_split_into_memory_compute_launch_and_energy(model: KernelCostModel) -> None:
    parts = model.get_cost_breakdown("fc1", 50)
    assert (parts.memory_us, parts.compute_us, parts.bound) == (100.0, 50.0, "memory")
    assert parts.rest_us == pytest.approx(60)
    assert parts.launch_us == pytest.approx(0.5)
    assert parts.static_energy_mj == pytest.approx(50 * 160 / 1000)
    assert parts.dynamic_energy_mj == pytest.approx(16 - 8)
    assert parts.temp_rise_c == pytest.approx(0.1 * (100 - 50))
    assert parts.reasons == {}
    assert model.get_cost_breakdown("fc1", 150).bound == "compute"


def test_an_unknown_part_has_a_reason() -> None:
    bare = make_model(make_points(lambda b: 10.0 + b, [1, 9]))
    parts = bare.get_cost_breakdown("fc1", 5)
    assert (parts.memory_us, parts.compute_us, parts.launch_us) == (None, None, None)
    assert (parts.static_energy_mj, parts.dynamic_energy_mj, parts.temp_rise_c) == (None,) * 3
    assert set(parts.reasons) >= {"memory_us", "launch_us", "static_energy_mj", "temp_rise_c"}
    assert "moeprof profile --thermal-step" in parts.reasons["temp_rise_c"]
    heated = KernelCostModel.from_file(replace(bare.file, thermal=HEAT))
    reasons = heated.get_cost_breakdown("fc1", 5).reasons
    assert reasons["temp_rise_c"] == reasons["static_energy_mj"]
