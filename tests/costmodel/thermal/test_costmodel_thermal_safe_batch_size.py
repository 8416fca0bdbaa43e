"""The largest batch size that keeps the device below a temperature for a time."""

from dataclasses import replace
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.thermal.poles import ThermalModel
from moeprof.costmodel.thermal.response import with_thermal
from moeprof.store.cost_model import CostModelFile, Pole
from moeprof.store.errors import BadInput
from moeprof.tests.builders import NO_COUNTER, make_model, make_model_file, make_points
from moeprof.tests.costmodel.models import HEAT

LONG = ThermalModel((Pole(3.0, 0.02), Pole(60.0, 0.05)), inlet_c=30.0, rmse_c=0.3, hot_s=600.0)


SHORT = ThermalModel((Pole(3.0, 0.02), Pole(400.0, 0.05)), inlet_c=30.0, rmse_c=0.3, hot_s=120.0)


IDLE_W = 100.0


def watts(size: int) -> float:
    return IDLE_W + 5 * size


def safe(
    file: CostModelFile, limit_c: float, now_c: float = 37.0, for_s: float = inf
) -> int | None:
    model = KernelCostModel.from_file(file)
    return model.get_thermal_safe_batch_size(
        "fc1", max_temp_c=limit_c, current_temp_c=now_c, for_s=for_s
    )


def test_for_ever_the_steady_temperature_decides(file: CostModelFile) -> None:
    heated = with_thermal(file, LONG, 1500, "nvml_counter")
    for limit_c in (45.0, 50.0, 60.0):
        cool = [size for size in range(1, 102) if 30.0 + 0.07 * watts(size) <= limit_c]
        assert safe(heated, limit_c) == cool[-1]
    assert safe(heated, 30.0) is None


def test_for_a_shorter_time_larger_sizes_are_safe(file: CostModelFile) -> None:
    heated = with_thermal(file, LONG, 1500, "nvml_counter")
    by_time = [safe(heated, 50.0, for_s=seconds) for seconds in (1.0, 10.0, 60.0, inf)]
    sizes = [size for size in by_time if size is not None]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]
    for size, seconds in ((sizes[1], 10.0), (sizes[2], 60.0)):
        assert LONG.temperature_c(watts(size), 37.0, seconds) <= 50.0
        assert LONG.temperature_c(watts(size + 1), 37.0, seconds) > 50.0


def test_a_short_step_is_refused_for_longer_times(file: CostModelFile) -> None:
    heated = with_thermal(file, SHORT, 500, "nvml_counter")
    assert safe(heated, 50.0, for_s=120.0) is not None
    with pytest.raises(BadInput, match=r"after 121 s is not known.*a lower bound") as caught:
        safe(heated, 50.0, for_s=121.0)
    assert "for_s=120 at most" in caught.value.hint
    parts = KernelCostModel.from_file(heated).get_cost_breakdown("fc1", 51)
    assert parts.temp_rise_c is not None
    assert "a lower bound" in parts.reasons["temp_rise_c"]


@pytest.mark.parametrize(
    ("limit_c", "now_c", "for_s"), [(nan, 40.0, 1.0), (50.0, inf, 1.0), (50.0, 40.0, 0.0)]
)
def test_an_invalid_limit_is_refused(
    file: CostModelFile, limit_c: float, now_c: float, for_s: float
) -> None:
    with pytest.raises(BadInput, match="are no question"):
        safe(with_thermal(file, LONG, 1500, "nvml_counter"), limit_c, now_c, for_s)


def test_a_curve_without_power_is_refused() -> None:
    bare = make_model_file(make_points(lambda size: 10.0 + size, np.arange(1, 65, 9).tolist()))
    with pytest.raises(BadInput, match="the heat of fc1 is not known"):
        safe(with_thermal(bare, LONG, 1500, "nvml_counter"), 50.0)


def test_without_a_thermal_response_or_power_the_reason_is_given() -> None:
    bare = make_model(make_points(lambda b: 10.0 + b, [1, 9]))
    asked: dict[str, Any] = {"max_temp_c": 80.0, "current_temp_c": 50.0}
    with pytest.raises(BadInput, match="is not known: no step in power was recorded") as caught:
        bare.get_thermal_safe_batch_size("fc1", **asked)
    assert "--thermal-step" in caught.value.hint
    heated = KernelCostModel.from_file(replace(bare.file, thermal=HEAT))
    with pytest.raises(BadInput, match=f"is not known: {NO_COUNTER}"):
        heated.get_thermal_safe_batch_size("fc1", **asked)
