"""Mean power, update periods and refreshes of sensors whose truth is known."""

import numpy as np
import pytest

from moeprof.energy.readings import (
    Unusable,
    beats_with_sensor,
    mean_power_w,
    refreshes,
    update_period_s,
)
from moeprof.tests.energy.power_logs import MS, S, counter, series


def test_readings_of_power_are_averaged_over_time() -> None:
    time_ms = np.arange(0, 4000, 50.0)
    power_mw = np.where(time_ms < 2000, 200e3, 400e3)
    found = mean_power_w(series(time_ms * MS, power_mw), 1000 * MS, 2500 * MS)
    assert found.value == pytest.approx((200 * 1000 + 400 * 500) / 1500)
    few = mean_power_w(series(time_ms * MS, power_mw), 1000 * MS, 1100 * MS)
    assert few.reason == Unusable.TOO_FEW_TICKS


def test_the_first_reading_also_counts_for_the_time_before_it() -> None:
    time_ms = np.arange(1010, 2000, 50.0)
    found = mean_power_w(series(time_ms * MS, 300e3), 1000 * MS, 2000 * MS)
    assert found.value == pytest.approx(300)


@pytest.mark.parametrize("update_ms", [20.0, 100.0])
def test_the_update_period_is_measured(update_ms: float) -> None:
    assert update_period_s(counter(update_ms=update_ms)) == pytest.approx(update_ms / 1e3, rel=0.01)
    assert update_period_s(counter(seconds=0.02)) is None


@pytest.mark.parametrize("load_s", [0.1, 0.205, 0.033])
def test_a_load_whose_period_is_near_a_multiple_beats_with_the_sensor(load_s: float) -> None:
    assert beats_with_sensor(load_s, 0.1)


@pytest.mark.parametrize("load_s", [0.005, 0.14, 0.041, 1.0])
def test_a_load_with_another_period_does_not_beat(load_s: float) -> None:
    assert not beats_with_sensor(load_s, 0.1)


def test_a_sensor_read_more_often_than_it_refreshes_has_one_reading_a_refresh() -> None:
    value = np.array([5, 6, 6, 6, 9, 8, 9, 8, 7, 7], np.float64)  # 6 and 7 stay
    often = series(np.arange(100) * 10 * MS, np.repeat(value, 10))
    found = refreshes(often)
    assert found.begin_ns.tolist() == (np.arange(10) * 100 * MS).tolist()
    assert found.value.tolist() == value.tolist()
    for window in ((0, S), (130 * MS, 910 * MS)):
        assert mean_power_w(found, *window).value == mean_power_w(often, *window).value


def test_a_sensor_without_a_known_period_has_only_its_changes() -> None:
    assert refreshes(series(np.arange(9) * MS, [3, 3, 3, 3, 4, 4, 4, 3, 3])).value.tolist() == [
        3,
        4,
        3,
    ]
    assert len(refreshes(series([], []))) == 0
