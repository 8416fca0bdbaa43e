"""Energy per launch from a window of a log, and each condition that takes it away."""

import numpy as np
import pytest

from moeprof.device.nvml import (
    COMPUTE_PROCESSES,
    ENERGY,
    EVENT_REASONS,
    POWER_INSTANT,
    POWER_LIMIT,
    SM_CLOCK,
    TEMP_GPU,
)
from moeprof.energy.counter import Unusable
from moeprof.energy.faults import Fault
from moeprof.energy.power_log import CLOCK_BOOT, CLOCK_EPOCH, Series
from moeprof.energy.window import Window, WindowEnergy, window_energy
from moeprof.tests.energy.power_logs import EPOCH_NS, MS, S, counter, series, steady_log

WINDOW = Window(2 * S, 4 * S, launches=1000)
SECONDS = np.arange(0, 11) * S
TENTHS = np.arange(0, 10 * S, 100 * MS)


def measured(**replaced: Series) -> WindowEnergy:
    return window_energy(steady_log(replaced), WINDOW, processes=1)


def failing(code: int) -> Series:
    return series(np.arange(0, 10 * S, 10 * MS), np.nan, code)


def test_a_good_window_gives_energy_per_launch_and_what_goes_with_it() -> None:
    found = measured()
    assert found.energy_mj.value == pytest.approx(480 * 2 * 1000 / 1000, rel=1e-3)
    assert found.power_w.n == 19
    assert (found.source, found.faults, found.marks) == ("nvml_counter", (), ())
    assert found.reason is None
    assert found.power_peak_w == pytest.approx(480, rel=1e-3)
    assert found.temp_c == 60


def test_what_a_simulated_gpu_gives_is_simulated() -> None:
    log = steady_log(name="H200 (simulated)")
    assert window_energy(log, WINDOW, processes=1).source == "simulated"


@pytest.mark.parametrize(
    ("fault", "replaced"),
    [
        (Fault.NOT_RECORDED, {ENERGY: counter(seconds=1)}),
        (Fault.NO_PERMISSION, {ENERGY: failing(4)}),
        (Fault.GPU_LOST, {ENERGY: failing(15)}),
        (Fault.READ_FAILED, {ENERGY: failing(999)}),
        (Fault.FOREIGN_PROCESS, {COMPUTE_PROCESSES: series(SECONDS, 1 + (SECONDS > 2.5 * S))}),
        (Fault.THERMAL_THROTTLING, {"throttle_hw_thermal_ns": series(TENTHS, TENTHS / 20)}),
        (Fault.THERMAL_THROTTLING, {EVENT_REASONS: series(TENTHS, 0x20)}),
        (Fault.CLOCK_DRIFT, {SM_CLOCK: series(TENTHS, 1755 - 75 * (TENTHS > 3 * S))}),
        (Fault.POWER_BRAKE, {"throttle_power_brake_ns": series(TENTHS, TENTHS / 20)}),
        (
            Fault.CLOCK_STEPPED,
            {CLOCK_EPOCH: series(SECONDS, SECONDS + EPOCH_NS + 2e9 * (SECONDS > 2.5 * S))},
        ),
        (Fault.SUSPENDED, {CLOCK_BOOT: series(SECONDS, SECONDS + 60e9 * (SECONDS > 2.5 * S))}),
        (
            Fault.POWER_FROZEN,
            {
                POWER_INSTANT: series(np.arange(0, 10 * S, 50 * MS), 46190),
                TEMP_GPU: series(TENTHS, 32 + TENTHS // S),
            },
        ),
    ],
)
def test_a_fault_takes_the_energy_away_and_is_named(
    fault: Fault, replaced: dict[str, Series]
) -> None:
    found = measured(**replaced)
    assert fault in found.faults
    assert found.reason == fault
    assert (found.energy_mj.value, found.power_w.value) == (None, None)
    assert found.source == "unavailable"


LIMIT = {POWER_LIMIT: series(SECONDS, 700e3)}


@pytest.mark.parametrize("scale", [10, 1e-3])
def test_a_counter_in_another_unit_is_implausible(scale: float) -> None:
    readings = counter()
    wrong = series(readings.begin_ns, np.floor(readings.value * scale))
    assert measured(**LIMIT, **{ENERGY: wrong}).reason == Fault.IMPLAUSIBLE


def test_a_counter_that_jumps_once_is_implausible_where_its_mean_is_not() -> None:
    readings = counter(100)
    jumped = series(readings.begin_ns, readings.value + 200e3 * (readings.begin_ns > 3050 * MS))
    assert measured(**LIMIT, **{ENERGY: jumped}).reason == Fault.IMPLAUSIBLE
    mean_w = measured(**{ENERGY: jumped}).power_w.value  # nobody knows what this GPU may draw
    assert mean_w is not None
    assert mean_w < 700


def test_power_at_its_limit_is_plausible_however_loosely_its_ticks_are_known() -> None:
    at_limit = counter(700, update_ms=20, poll_ms=2.9)
    assert measured(**LIMIT, **{ENERGY: at_limit}).reason is None


def test_a_fault_elsewhere_in_the_log_leaves_the_window_alone() -> None:
    late = measured(**{COMPUTE_PROCESSES: series(SECONDS, 1 + (SECONDS > 6 * S))})
    assert late.reason is None


def test_a_reset_counter_and_a_stuck_one_are_told_apart() -> None:
    readings = counter()
    after = readings.begin_ns > 3 * S
    reset = series(readings.begin_ns, np.where(after, 0, readings.value))
    assert measured(**{ENERGY: reset}).reason == Fault.COUNTER_RESET
    stuck = series(readings.begin_ns, 5e6)
    assert measured(**{ENERGY: stuck}).reason == Unusable.STUCK


@pytest.mark.parametrize("code", [3, 13])
def test_without_a_counter_the_power_sensor_stands_in(code: int) -> None:
    found = measured(**{ENERGY: failing(code)})
    assert found.source == "nvml_power"
    assert found.energy_mj.value == pytest.approx(960, rel=1e-3)


def test_a_power_sensor_that_is_read_often_is_no_more_certain() -> None:
    each_20_ms = np.arange(0, 10 * S, 20 * MS)
    refreshed = np.random.default_rng(0).normal(480e3, 15e3, 100)[each_20_ms // (100 * MS)]
    often = series(each_20_ms, refreshed)
    once = series(each_20_ms[::5], refreshed[::5])
    found, sparse = (
        measured(**{ENERGY: failing(3), POWER_INSTANT: readings}).power_w
        for readings in (often, once)
    )
    assert found == sparse
    assert found.n == 21


def test_a_power_sensor_that_repeats_itself_still_counts() -> None:
    found = measured(**{ENERGY: failing(3), POWER_INSTANT: series(TENTHS, 30e3)})
    assert found.power_w.value == 30


def test_without_any_sensor_the_counter_says_why() -> None:
    found = measured(**{ENERGY: failing(3), POWER_INSTANT: failing(3)})
    assert (found.reason, found.source) == (Fault.NOT_SUPPORTED, "unavailable")


def test_a_power_limit_is_a_mark_and_no_fault() -> None:
    found = measured(throttle_power_cap_ns=series(TENTHS, TENTHS / 2))
    assert found.energy_mj.value is not None
    assert found.marks == ("power limit held the clocks down for 50% of the window",)


def test_a_clock_that_moves_by_a_few_steps_or_under_a_power_limit_is_a_mark() -> None:
    few = measured(**{SM_CLOCK: series(TENTHS, 1755 - 30 * (TENTHS > 3 * S))})
    assert (few.reason, few.marks) == (None, ("the SM clock moved by 30 MHz",))
    falling = series(TENTHS, 1755 - 90 * (TENTHS > 3 * S))
    capped = measured(**{SM_CLOCK: falling, "throttle_power_cap_ns": series(TENTHS, TENTHS / 2)})
    assert (capped.reason, len(capped.marks)) == (None, 2)


def test_two_sources_that_disagree_mark_the_window() -> None:
    found = measured(**{POWER_INSTANT: series(TENTHS, 450e3 + TENTHS % 3)})
    assert found.marks == ("instant power differs from the energy counter by -6.2%",)
    assert found.energy_mj.value is not None
