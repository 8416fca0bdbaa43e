"""An external power meter: its mean power over a window, and the sensor's gain against it."""

import numpy as np
import pytest

from moeprof.energy.power_meter import (
    HAS_GAP,
    NOT_COVERED,
    TOO_FEW_READINGS,
    PowerMeter,
    PowerTrace,
    SensorGain,
    trace_power_w,
)
from moeprof.stats.arrays import Float64
from moeprof.store.flag import Flag, FlagCode


def load(time_s: Float64) -> PowerTrace:
    """Two steps that nothing else looks like."""
    return PowerTrace(time_s, np.where((time_s > 3) & (time_s < 7.7), 400.0, 100.0))


def test_mean_power_is_the_integral_over_the_window() -> None:
    meter = load(np.arange(0, 12, 0.001))
    found = trace_power_w(meter, 2, 4)
    assert found.value == pytest.approx(250, rel=1e-3)
    assert trace_power_w(meter, 11, 13).reason == NOT_COVERED
    assert trace_power_w(meter, 2, 2.005).reason == TOO_FEW_READINGS


@pytest.mark.parametrize("gap_s", [(2.4, 2.8), (1.8, 2.2), (3.8, 4.2), (2.4, 2.431)])
def test_a_gap_in_a_window_or_over_its_ends_leaves_no_power(gap_s: tuple[float, float]) -> None:
    time_s = np.arange(0, 7, 0.01)
    read = load(time_s[(time_s < gap_s[0]) | (time_s > gap_s[1])])
    found = trace_power_w(read, 2, 4)
    assert (found.value, found.reason) == (None, HAS_GAP)
    assert trace_power_w(read, 4.5, 5.5).value == pytest.approx(400)


def test_a_reading_missed_now_and_then_is_no_gap() -> None:
    time_s = np.arange(0, 3, 0.01)
    missed = load(time_s[np.arange(len(time_s)) % 7 > 1])
    assert trace_power_w(missed, 0.5, 2.5).value == pytest.approx(100)
    time_s = np.arange(0, 3, 0.001)
    stalled = load(time_s[(time_s < 1) | (time_s > 1.015)])
    assert trace_power_w(stalled, 0.5, 2.5).value == pytest.approx(100)


@pytest.mark.parametrize("readings_per_s", [20, 50, 500])
def test_the_interval_of_a_slow_meter_holds_too(readings_per_s: int) -> None:
    random = np.random.default_rng(0)
    held = []
    for _ in range(1000):
        time_s = np.arange(0, 1.6, 1 / readings_per_s) + random.uniform(0, 1 / readings_per_s)
        power_w = 400 + random.normal(0, 5, len(time_s))
        found = trace_power_w(PowerTrace(time_s, power_w), 0.5, 1.0)
        assert found.value is not None
        assert found.ci95 is not None
        held.append(abs(found.value - 400) <= found.ci95)
    assert 0.93 <= np.mean(held) <= 0.98


def test_a_reading_that_reaches_out_of_the_window_does_not_count() -> None:
    """Each is the mean of 50 ms, and the load ends in the midst of one."""
    time_s = np.arange(60) / 20
    power_w = np.interp(time_s, [0.95, 1, 1.95, 2, 2.05], [100, 400, 400, 250, 100])
    assert trace_power_w(PowerTrace(time_s, power_w), 1.2, 2.0).value == pytest.approx(400)


def test_a_meter_is_asked_in_time_since_the_epoch() -> None:
    trace = load(np.arange(0, 12, 0.001))
    meter = PowerMeter(trace, lag_s=100.0)
    assert meter.mean_power_w(102 * 10**9, 104 * 10**9) == trace_power_w(trace, 2, 4)


def test_the_gain_is_the_median_over_the_loads_that_have_both_powers() -> None:
    gain = SensorGain.of([0.95, 0.94, 0.96, None])
    assert gain == SensorGain(0.95, 0.94, 0.96, 3)
    assert "shows 0.950 of its power (0.940 to 0.960 over 3 loads)" in str(gain)
    assert SensorGain.of([None]) is None


def test_a_load_whose_ratio_is_not_that_of_the_run_is_flagged() -> None:
    gain = SensorGain(0.98, 0.9, 0.99, 3)
    assert gain.flags(0.99) == gain.flags(None) == []
    words = "sensor over meter is 0.900 here, and 0.980 in the run"
    assert gain.flags(0.9) == [Flag(FlagCode.SENSOR_GAIN_VARIES, words)]


@pytest.mark.parametrize("ratio", [0.949, 1.127])
def test_a_sensor_that_differs_from_the_meter_flags_every_load(ratio: float) -> None:
    gain = SensorGain(ratio, ratio, ratio, 3)
    words = f"the sensor shows {ratio:.3f} of the meter's power"
    for known in (ratio, None):
        assert gain.flags(known) == [Flag(FlagCode.SENSOR_GAIN, words)]
    both = [flag.code for flag in gain.flags(0.8)]
    assert both == [FlagCode.SENSOR_GAIN, FlagCode.SENSOR_GAIN_VARIES]
