"""Poles are found in a step whose temperatures are whole degrees, or the reason why not."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from moeprof.costmodel.thermal.fit import choose_poles, fit_thermal
from moeprof.store.cost_model import Pole
from moeprof.store.errors import BadInput

POLES = (Pole(3.0, 0.02), Pole(60.0, 0.05))
Array = np.ndarray[tuple[int], np.dtype[np.float64]]
Change = Callable[[Array, Array, Array], tuple[Array, Array, Array]]


def step(
    poles: tuple[Pole, ...], seconds: float = 300, dt_s: float = 0.2
) -> tuple[Array, Array, Array]:
    """A minute idle, two hot, the rest idle again; temperatures rounded down."""
    time_s = np.arange(0, seconds, dt_s)
    power_w = np.where((time_s >= 60) & (time_s < 180), 480.0, 80.0)
    temp_c = np.full(len(time_s), 30.3)
    for pole in poles:
        rise = pole.r_c_per_w * 80
        for i in range(len(time_s)):
            if i:
                decay = math.exp(-dt_s / pole.tau_s)
                rise = rise * decay + pole.r_c_per_w * power_w[i - 1] * (1 - decay)
            temp_c[i] += rise
    return time_s, power_w, np.floor(temp_c)


@pytest.mark.parametrize("poles", [(Pole(60.0, 0.06),), POLES])
def test_time_constants_are_found_within_six_percent(poles: tuple[Pole, ...]) -> None:
    model = fit_thermal(*step(poles), poles=len(poles))
    for found, true in zip(model.poles, poles, strict=True):
        assert found.tau_s == pytest.approx(true.tau_s, rel=0.06)
        assert found.r_c_per_w == pytest.approx(true.r_c_per_w, rel=0.06)
    assert model.inlet_c == pytest.approx(30.3, abs=0.3)


def test_a_sensor_that_rounds_to_nearest_moves_the_inlet_alone() -> None:
    time_s, power_w, temp_c = step((Pole(60.0, 0.06),))
    floored = fit_thermal(time_s, power_w, temp_c, 1)
    higher = fit_thermal(time_s, power_w, temp_c + 1, 1)
    assert higher.inlet_c - floored.inlet_c == pytest.approx(1, abs=1e-3)
    assert higher.poles[0].tau_s == pytest.approx(floored.poles[0].tau_s, rel=1e-3)


def test_a_step_too_short_for_its_slowest_pole_is_a_lower_bound() -> None:
    assert fit_thermal(*step((Pole(150.0, 0.1),)), poles=1).slow_is_bound


@pytest.mark.parametrize(
    "poles", [(Pole(30.0, 0.07),), POLES, (Pole(1.0, 0.03), Pole(9.0, 0.03), Pole(70.0, 0.05))]
)
def test_no_superfluous_pole_is_fitted(poles: tuple[Pole, ...]) -> None:
    found = choose_poles(*step(poles, dt_s=0.5)).poles
    assert [pole.tau_s for pole in found] == pytest.approx([p.tau_s for p in poles], rel=0.12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, p, c: (t[:5], p[:5], c[:5]), "ten readings"),
        (lambda t, p, c: (t[::-1], p, c), "times that increase"),
        (lambda t, p, c: (t, p * np.nan, c), "a power of the step is not finite"),
        (lambda t, p, c: (t, p, np.where(t == t[5], 1e16, c)), "temperature of the step .* degC"),
        (lambda t, p, c: (t, p, np.minimum(c, 36)), "moved by"),
    ],
)
def test_a_recording_that_cannot_be_fitted_is_refused(change: Change, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        fit_thermal(*change(*step(POLES)), poles=1)
