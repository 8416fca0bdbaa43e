"""The poles of a recorded step in a model: steady rises, and sizes that stay cool for a while."""

from math import inf, nan

import numpy as np
import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.thermal.description import thermal_description, why_lower_bound
from moeprof.costmodel.thermal.leakage import Leakage
from moeprof.costmodel.thermal.poles import ThermalModel
from moeprof.costmodel.thermal.response import with_thermal
from moeprof.store.cost_model import CostModelFile, Pole
from moeprof.store.document import to_json
from moeprof.store.errors import BadInput
from moeprof.store.table_schemas import SCHEMAS
from moeprof.tests.builders import make_model_file, make_points

LONG = ThermalModel((Pole(3.0, 0.02), Pole(60.0, 0.05)), inlet_c=30.0, rmse_c=0.3, hot_s=600.0)
SHORT = ThermalModel((Pole(3.0, 0.02), Pole(400.0, 0.05)), inlet_c=30.0, rmse_c=0.3, hot_s=120.0)
IDLE_W = 100.0
NO_POINTS = SCHEMAS["points"].empty_table()


def watts(size: int) -> float:
    return IDLE_W + 5 * size


def safe(
    file: CostModelFile, limit_c: float, now_c: float = 37.0, for_s: float = inf
) -> int | None:
    model = KernelCostModel.from_file(file)
    return model.get_thermal_safe_batch_size(
        "fc1", max_temp_c=limit_c, current_temp_c=now_c, for_s=for_s
    )


def test_the_rise_of_every_curve_is_that_of_the_poles(file: CostModelFile) -> None:
    assert KernelCostModel.from_file(file).get_cost("fc1", 51).temp_rise_c is None
    heated = with_thermal(file, LONG, 1500, "nvml_counter")
    cost = KernelCostModel.from_file(heated).get_cost("fc1", 51)
    assert cost.temp_rise_c == pytest.approx(0.07 * (watts(51) - IDLE_W), rel=1e-5)
    assert heated.thermal is not None
    assert (heated.thermal.n, heated.thermal_reason) == (1500, None)
    assert "tau_s" in to_json(heated)


def test_for_ever_the_steady_temperature_at_a_size_s_power_decides(file: CostModelFile) -> None:
    heated = with_thermal(file, LONG, 1500, "nvml_counter")
    for limit_c in (45.0, 50.0, 60.0):
        cool = [size for size in range(1, 102) if 30.0 + 0.07 * watts(size) <= limit_c]
        assert safe(heated, limit_c) == cool[-1]
    assert safe(heated, 30.0) is None


def test_for_a_while_more_is_safe(file: CostModelFile) -> None:
    heated = with_thermal(file, LONG, 1500, "nvml_counter")
    by_time = [safe(heated, 50.0, for_s=seconds) for seconds in (1.0, 10.0, 60.0, inf)]
    sizes = [size for size in by_time if size is not None]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]
    for size, seconds in ((sizes[1], 10.0), (sizes[2], 60.0)):
        assert LONG.temperature_c(watts(size), 37.0, seconds) <= 50.0
        assert LONG.temperature_c(watts(size + 1), 37.0, seconds) > 50.0


def test_a_step_too_short_answers_for_no_longer_than_it_was(file: CostModelFile) -> None:
    heated = with_thermal(file, SHORT, 500, "nvml_counter")
    assert safe(heated, 50.0, for_s=120.0) is not None
    with pytest.raises(BadInput, match=r"after 121 s is not known.*a lower bound") as caught:
        safe(heated, 50.0, for_s=121.0)
    assert "for_s=120 at most" in caught.value.hint
    parts = KernelCostModel.from_file(heated).get_cost_breakdown("fc1", 51)
    assert parts.temp_rise_c is not None
    assert "a lower bound" in parts.reasons["temp_rise_c"]


def test_only_a_step_too_short_gives_a_lower_bound(file: CostModelFile) -> None:
    assert why_lower_bound(None) is None
    assert why_lower_bound(with_thermal(file, LONG, 1500, "nvml_counter").thermal) is None


@pytest.mark.parametrize(
    ("limit_c", "now_c", "for_s"), [(nan, 40.0, 1.0), (50.0, inf, 1.0), (50.0, 40.0, 0.0)]
)
def test_what_is_no_question_is_refused(
    file: CostModelFile, limit_c: float, now_c: float, for_s: float
) -> None:
    with pytest.raises(BadInput, match="are no question"):
        safe(with_thermal(file, LONG, 1500, "nvml_counter"), limit_c, now_c, for_s)


def test_poles_without_power_tell_nothing() -> None:
    bare = make_model_file(make_points(lambda size: 10.0 + size, np.arange(1, 65, 9).tolist()))
    with pytest.raises(BadInput, match="the heat of fc1 is not known"):
        safe(with_thermal(bare, LONG, 1500, "nvml_counter"), 50.0)


@pytest.mark.parametrize(
    ("leakage", "words"),
    [
        (Leakage(0.5, 0.034, 52.0), "K; leakage: 0.5 ± 0.03 W/°C from 52 °C"),
        (Leakage(None, None, None, "too cold"), "K; no leakage: too cold"),
    ],
)
def test_leakage_is_told_or_why_it_is_not_known(
    file: CostModelFile, leakage: Leakage, words: str
) -> None:
    thermal = with_thermal(file, LONG, 1500, "nvml_counter", leakage).thermal
    assert thermal is not None
    assert thermal_description(thermal).endswith(words)
