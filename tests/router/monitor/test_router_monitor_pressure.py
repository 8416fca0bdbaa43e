"""Pressures rise at once, and fall only when the value has fallen by the hysteresis."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.router.monitor.pressure import Pressure, PressureLimits
from moeprof.store.errors import BadInput


def follow(values: list[float | None]) -> list[float | None]:
    pressure = Pressure()
    return [pressure.follow(value, limit=80, band=20, width=2) for value in values]


def test_a_pressure_is_linear_over_its_band_and_1_at_the_limit() -> None:
    assert follow([50, 60, 70, 80, 95]) == [0.0, 0.0, 0.5, 1.0, 1.0]


def test_noise_within_the_hysteresis_changes_nothing() -> None:
    assert follow([70, 69, 70, 68, 69]) == [0.5] * 5
    assert follow([70, 66]) == [0.5, 0.4]


def test_without_a_value_there_is_no_pressure_and_nothing_is_held() -> None:
    assert follow([90, None, 60]) == [1.0, None, 0.0]
    assert Pressure().follow(60.0, None, 20, 2) is None


@given(st.lists(st.floats(0, 120), min_size=1))
def test_a_pressure_is_between_that_of_the_value_and_of_the_hysteresis_above(
    values: list[float],
) -> None:
    for value, pressure in zip(values, follow([*values]), strict=True):
        (least,), (most,) = follow([value]), follow([value + 2])
        assert least is not None
        assert most is not None
        assert pressure is not None
        assert least <= pressure <= most


@pytest.mark.parametrize("wrong", [0.0, -1.0, nan, inf])
@pytest.mark.parametrize("name", ["temp_c", "power_w", "power_band", "temp_hysteresis_c"])
def test_limits_are_positive_numbers(name: str, wrong: float) -> None:
    with pytest.raises(BadInput, match=name):
        PressureLimits(**{name: wrong})


def test_a_hysteresis_is_narrower_than_its_band() -> None:
    with pytest.raises(BadInput, match=r"power_hysteresis is 0\.2.*power_band, 0\.15"):
        PressureLimits(power_hysteresis=0.2)
