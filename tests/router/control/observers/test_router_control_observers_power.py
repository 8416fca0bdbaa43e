from collections import deque

import numpy as np
import pytest

from moeprof.router.control.observers.power import PowerObserver

IDLE_W, SCALE_W = 100.0, 400.0


def observed(
    seconds: float, *, offset_w: float = 0.0, gain: float = 1.0, lag: int = 0, averaged: int = 1
) -> PowerObserver:
    """An observer that saw a load with ripple through a sensor that lags and averages, in ticks."""
    observer, draw = PowerObserver(IDLE_W, SCALE_W), np.random.default_rng(1)
    window: deque[float] = deque(maxlen=averaged)
    readings: deque[float] = deque(maxlen=lag + 1)
    for at in range(round(seconds * 10)):
        dynamic_w = 200 * (1 + 0.05 * np.sin(at / 30) + draw.normal(0, 0.03))
        window.append(IDLE_W + offset_w + gain * dynamic_w)
        readings.append(sum(window) / len(window) + draw.normal(0, 2))
        observer.predict((at + 1) / 10, dynamic_w)
        observer.learn(readings[0], 0.1)
    return observer


@pytest.mark.parametrize(("lag", "averaged"), [(0, 10), (10, 10), (20, 10), (0, 1), (5, 1)])
def test_the_lag_of_the_sensor_is_found(lag: int, averaged: int) -> None:
    assert observed(60.0, lag=lag, averaged=averaged).lag_s == pytest.approx(lag / 10, abs=0.25)


@pytest.mark.parametrize(("offset_w", "gain"), [(0.0, 1.25), (40.0, 1.0), (-20.0, 0.8)])
def test_offset_and_gain_explain_the_power(offset_w: float, gain: float) -> None:
    observer = observed(30.0, offset_w=offset_w, gain=gain)
    explained_w = observer.offset_w + observer.gain * 200
    assert explained_w == pytest.approx(offset_w + gain * 200, abs=4.0)


def steady(observer: PowerObserver, powers_w: list[float], from_s: float = 0.0) -> PowerObserver:
    for at, power_w in enumerate(powers_w, start=1):
        observer.predict(from_s + at / 10, 200.0)
        observer.learn(power_w, 0.1)
    return observer


def test_one_wild_reading_says_nothing() -> None:
    calm = steady(PowerObserver(IDLE_W, SCALE_W), [300.0] * 50)
    offset_w, gain = calm.offset_w, calm.gain
    steady(calm, [900.0], 5.0)
    assert (calm.offset_w, calm.gain) == (offset_w, gain)


def test_another_process_is_seen_within_a_second() -> None:
    observer = steady(PowerObserver(IDLE_W, SCALE_W), [300.0] * 50)
    steady(observer, [360.0] * 8, 5.0)
    assert observer.offset_w + observer.gain * 200 == pytest.approx(260.0, abs=6.0)


def test_a_gap_in_time_does_no_harm() -> None:
    observer = steady(PowerObserver(IDLE_W, SCALE_W), [300.0] * 50)
    steady(observer, [300.0] * 50, 500.0)
    assert observer.offset_w + observer.gain * 200 == pytest.approx(200.0, abs=1.0)
