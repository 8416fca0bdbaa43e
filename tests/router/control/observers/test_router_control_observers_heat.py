from math import floor, inf

import pytest

from moeprof.router.control.observers.heat import HeatObserver
from moeprof.store.cost_model import Pole

POLES = (Pole(3.0, 0.05), Pole(60.0, 0.03))


def heated(observer: HeatObserver, seconds: float, power_w: float, ambient_c: float) -> float:
    """Heat a GPU of true poles 20 % off from where the observer starts; give its temperature."""
    rises_c, ambient_now_c, temp_c = [0.0, 0.0], ambient_c, ambient_c
    for _ in range(round(seconds * 10)):
        for at, pole in enumerate(POLES):
            rises_c[at] += 0.1 / pole.tau_s * (1.2 * pole.r_c_per_w * power_w - rises_c[at])
        temp_c = ambient_now_c + sum(rises_c)
        observer.step(power_w, 0.1)
        observer.learn(floor(temp_c), power_w, 0.1)
    return temp_c


def test_the_temperature_is_followed_with_resistances_that_are_off() -> None:
    observer = HeatObserver(POLES)
    temp_c = heated(observer, 120.0, 300.0, 30.0)
    assert observer.temp_c == pytest.approx(temp_c, abs=0.7)


def test_the_power_for_the_present_temperature_is_the_present_power() -> None:
    observer = HeatObserver(POLES)
    temp_c = heated(observer, 400.0, 300.0, 30.0)
    assert observer.power_for(temp_c, 20.0) == pytest.approx(300.0, rel=0.06)
    assert observer.power_for(temp_c - 5, 20.0) < 270 < 330 < observer.power_for(temp_c + 5, 20.0)


def test_without_a_reading_any_power_is_allowed() -> None:
    observer = HeatObserver()
    observer.step(300.0, 0.1)
    assert observer.temp_c is None
    assert observer.power_for(60.0, 20.0) == inf


def test_a_wild_reading_says_nothing() -> None:
    observer = HeatObserver(POLES)
    observer.learn(60.0, 300.0, 0.1)
    before_c = observer.temp_c
    observer.learn(99.0, 300.0, 0.1)
    assert observer.temp_c == before_c


def test_a_reading_that_stands_while_power_heats_is_stuck() -> None:
    observer = HeatObserver(POLES)
    observer.learn(50.0, 100.0, 0.1)
    for _ in range(600):
        observer.step(400.0, 0.1)
        observer.learn(50.0, 400.0, 0.1)
    assert observer.stuck
    assert observer.temp_c is not None
    assert observer.temp_c > 56
    observer.learn(60.0, 400.0, 0.1)
    assert not observer.stuck
