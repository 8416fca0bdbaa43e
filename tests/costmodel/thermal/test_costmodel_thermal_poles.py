"""What is read off the poles: temperatures, times to a limit, sizes that stay below it."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.thermal.poles import ThermalModel
from moeprof.store.cost_model import Pole

POLES = (Pole(3.0, 0.02), Pole(60.0, 0.05))
MODEL = ThermalModel(POLES, inlet_c=30.0, rmse_c=0.3, hot_s=600.0)


@settings(max_examples=40)
@given(power_w=st.floats(0, 700), now_c=st.floats(20, 90), after_s=st.floats(0, 1000))
def test_temperature_goes_from_now_to_the_steady_rise(
    power_w: float, now_c: float, after_s: float
) -> None:
    steady_c = MODEL.inlet_c + MODEL.steady_rise_c(power_w)
    assert MODEL.temperature_c(power_w, now_c, 0) == pytest.approx(now_c)
    assert MODEL.temperature_c(power_w, now_c, 1e5) == pytest.approx(steady_c)
    low, high = sorted((now_c, steady_c))
    assert low - 1e-9 <= MODEL.temperature_c(power_w, now_c, after_s) <= high + 1e-9


def test_time_to_a_limit_is_when_the_temperature_is_there() -> None:
    seconds = MODEL.time_to_limit_s(700, 40, 70)
    assert seconds is not None
    assert MODEL.temperature_c(700, 40, seconds) == pytest.approx(70)
    assert MODEL.time_to_limit_s(700, 75, 70) == 0
    assert MODEL.time_to_limit_s(500, 40, 70) is None  # 30 + 35 degC for ever


def test_the_safe_batch_size_is_the_largest_that_stays_below() -> None:
    power_w = {1: 200.0, 64: 500.0, 512: 690.0}
    assert MODEL.safe_batch_size(power_w, 40, 70, for_s=math.inf) == 64
    assert MODEL.safe_batch_size(power_w, 40, 70, for_s=10) == 512
    assert MODEL.safe_batch_size(power_w, 80, 70, for_s=10) is None
