import numpy as np
import pytest

from moeprof.router.control.observers.arrivals import ArrivalRate


def test_a_slow_rise_is_followed_without_a_lag() -> None:
    rate = ArrivalRate()
    for at in range(300):
        rate.learn(1000.0 + at, 0.1)
    assert rate.per_s == pytest.approx(1299.0, abs=0.5)


def test_noise_is_smoothed() -> None:
    rate, draw = ArrivalRate(), np.random.default_rng(0)
    seen: list[float] = []
    for _ in range(600):
        rate.learn(draw.normal(1000, 30), 0.1)
        seen.append(rate.per_s or 0.0)
    assert np.std(seen[100:]) < 20


def test_a_step_is_seen_at_its_second_reading() -> None:
    rate = ArrivalRate()
    for _ in range(100):
        rate.learn(1000.0, 0.1)
    rate.learn(1400.0, 0.1)
    rate.learn(1400.0, 0.1)
    assert rate.per_s == 1400.0


def test_arrivals_that_end_end() -> None:
    rate = ArrivalRate()
    for per_s in (1000.0, 1000.0, 0.0, 0.0, 0.0):
        rate.learn(per_s, 0.1)
    assert rate.per_s == 0.0
