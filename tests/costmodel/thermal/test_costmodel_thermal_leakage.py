"""The leakage is the slope of power over temperature, or there is a reason why it is unknown."""

from math import sqrt

import numpy as np
import pytest
from scipy.signal import lfilter

from moeprof.costmodel.thermal.leakage import NO_STEADY_LOAD, NO_TEMPERATURE, fit_leakage

Array = np.ndarray[tuple[int], np.dtype[np.float64]]


def warming(
    w_per_c: float,
    *,
    rise_c: float = 20.0,
    noise_w: float = 0.5,
    alike: float = 0.0,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Two minutes at ten readings a second, most of them near the end of the rise.

    Each reading's noise holds the share `alike` of the one before.
    """
    time_s = np.arange(0, 120, 0.1)
    temp_c = 50 + rise_c * (1 - np.exp(-time_s / 40)) / (1 - np.exp(-3))
    fresh = np.random.default_rng(seed).normal(0, noise_w, len(time_s))
    noise_w_now = lfilter([sqrt(1 - alike**2)], [1, -alike], fresh)
    return np.floor(temp_c), 480 + w_per_c * (temp_c - 50) + noise_w_now


@pytest.mark.parametrize("w_per_c", [1.1, 0.26, -0.4])
def test_the_slope_is_found_and_its_interval_holds_it(w_per_c: float) -> None:
    found = fit_leakage(*warming(w_per_c), 55.0)
    assert found.w_per_c == pytest.approx(w_per_c, rel=0.1)
    assert found.w_per_c is not None
    assert found.ci95 is not None
    assert abs(found.w_per_c - w_per_c) <= found.ci95 < 0.2 * abs(w_per_c)
    assert (found.reference_c, found.reason) == (55.0, None)


def test_outliers_do_not_change_the_slope() -> None:
    temp_c, power_w = warming(0.5)
    power_w[::7] -= 150  # pauses between loads
    assert fit_leakage(temp_c, power_w, 55.0).w_per_c == pytest.approx(0.5, rel=0.15)


@pytest.mark.parametrize("alike", [0.0, 0.95])
def test_without_leakage_a_fit_seldom_finds_some(alike: float) -> None:
    found = [fit_leakage(*warming(0.0, alike=alike, seed=seed), 55.0) for seed in range(200)]
    assert sum(one.w_per_c is not None for one in found) <= 0.1 * 200
    assert all(one.reason is not None for one in found if one.w_per_c is None)


@pytest.mark.parametrize("alike", [0.0, 0.95])
def test_nominal_intervals_hold(alike: float) -> None:
    found = [fit_leakage(*warming(0.5, alike=alike, seed=seed), 55.0) for seed in range(200)]
    known = [(one.w_per_c, one.ci95) for one in found if one.w_per_c is not None and one.ci95]
    assert len(known) > 190
    assert sum(abs(slope - 0.5) <= half for slope, half in known) >= 0.93 * len(known)


def test_constant_power_has_no_leakage() -> None:
    found = fit_leakage(*warming(0.0, noise_w=0.0), 55.0)
    assert found.reason == "0 ± 0 W/°C holds 0"


def test_a_leakage_that_cannot_be_fitted_has_the_reason() -> None:
    temp_c, power_w = warming(0.5, rise_c=8.0)
    reason = fit_leakage(temp_c, power_w, 55.0).reason
    assert reason is not None
    assert reason.endswith("at 8 degrees, 7 °C apart, and it takes 8, 10 °C apart")
    leaps = np.where(temp_c < 53, 50.0, 65.0)
    assert "at 2 degrees, 15 °C apart" in (fit_leakage(leaps, power_w, 55.0).reason or "")
    reason = fit_leakage(*warming(0.5), None).reason
    assert reason == NO_TEMPERATURE
    reason = fit_leakage(np.zeros(0), np.zeros(0), 55.0).reason
    assert reason == NO_STEADY_LOAD
