"""Another temperature adds leakage power, where leakage was fitted."""

from dataclasses import replace

import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.store.errors import BadInput
from moeprof.tests.builders import make_model_file, make_points
from moeprof.tests.costmodel.models import HEAT, METERED, metered_model


@pytest.fixture
def model() -> KernelCostModel:
    return metered_model()


LEAKY = replace(HEAT, leakage_w_per_c=2.0, leakage_w_per_c_ci95=0.1, reference_temp_c=50.0)


def test_temperature_changes_a_cost_only_with_a_fitted_leakage(model: KernelCostModel) -> None:
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


def test_the_interval_at_another_temperature_includes_that_of_the_leakage() -> None:
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
