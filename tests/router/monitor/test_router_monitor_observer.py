"""Snapshots of rounds: values in their units, pressures, throttling, and a device that is lost."""

import pytest

from moeprof.router.monitor.pressure import PressureLimits
from moeprof.router.monitor.snapshot import MonitorState
from moeprof.tests.fakenvml import fake
from moeprof.tests.router.monitor.watching import STEADY, watch


def test_a_snapshot_has_every_reading_in_the_unit_of_its_name(simulate: fake.Simulate) -> None:
    with simulate(STEADY, utilization=90, memory_busy=35) as clock:
        seen = watch(clock, 1)[-1]
    assert (seen.state, seen.temp_c, seen.memory_temp_c) == (MonitorState.WATCHING, 50, 55)
    assert (seen.sm_busy_pct, seen.memory_busy_pct) == (90, 35)
    assert (seen.memory_used_bytes, seen.memory_total_bytes) == (100 << 30, 141 << 30)
    assert (seen.sm_clock_mhz, seen.memory_clock_mhz, seen.power_limit_w) == (1755, 3201, 700)
    assert seen.throttle_reasons == ()
    assert 0.8 < seen.at_s < 1


def test_what_is_not_supported_is_none(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlDeviceGetUtilizationRates=3,field82=3") as clock:
        seen = watch(clock, 1)[-1]
    assert (seen.sm_busy_pct, seen.memory_busy_pct, seen.memory_temp_c) == (None, None, None)
    assert seen.temp_c == 50


def test_pressures_are_those_of_the_devices_limits_or_of_given_ones(
    simulate: fake.Simulate,
) -> None:
    with simulate(STEADY) as clock:
        cool = watch(clock, 2)[-1]
    with simulate(STEADY) as clock:
        limits = PressureLimits(temp_c=55, temp_band_c=10, power_w=300)
        warm = watch(clock, 2, limits=limits)[-1]
    assert (cool.thermal_pressure, cool.power_pressure) == (0, 0)
    assert warm.thermal_pressure == pytest.approx(0.5)
    assert warm.power_pressure == pytest.approx(1, abs=0.1)


def test_a_device_that_says_no_limit_has_no_pressure(simulate: fake.Simulate) -> None:
    hidden = "nvmlDeviceGetTemperatureThreshold=3,nvmlDeviceGetEnforcedPowerLimit=3"
    with simulate(STEADY, errors=hidden) as clock:
        seen = watch(clock, 2)[-1]
    assert (seen.thermal_pressure, seen.power_pressure) == (None, None)


@pytest.mark.parametrize(
    ("bits", "names", "pressures"),
    [
        (0x1, (), (0, 0)),
        (0x4, ("power cap",), (0, 1)),
        (0x20, ("software thermal",), (1, 0)),
        (0xC8, ("hardware slowdown", "hardware thermal", "power brake"), (1, 1)),
    ],
)
def test_what_holds_the_clocks_down_is_named_and_is_full_pressure(
    simulate: fake.Simulate, bits: int, names: tuple[str, ...], pressures: tuple[float, float]
) -> None:
    with simulate([(*row[:4], bits) for row in STEADY]) as clock:
        seen = watch(clock, 2)[-1]
    assert seen.throttle_reasons == names
    assert (seen.thermal_pressure, seen.power_pressure) == pressures
