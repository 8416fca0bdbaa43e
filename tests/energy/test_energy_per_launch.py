"""Energy per launch: of a window, of a load, by an external meter, and over repeated loads."""

from dataclasses import replace
from pathlib import Path
from typing import Any

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
    NvmlCode,
)
from moeprof.energy.faults import Fault
from moeprof.energy.per_launch import (
    NOT_BUSY,
    NOT_SETTLED,
    WindowEnergy,
    launches_in,
    means_of_loads,
    metered_load,
    metered_loads,
    window_energy,
)
from moeprof.energy.power_log import CLOCK_BOOT, CLOCK_EPOCH, PowerLog, Series
from moeprof.energy.power_meter import NOT_COVERED, PowerMeter, PowerTrace
from moeprof.energy.readings import Unusable
from moeprof.energy.window import Window
from moeprof.stats.measured import Measured
from moeprof.store.flag import Flag, FlagCode
from moeprof.store.recording import Load, sha256_of
from moeprof.tests.builders import make_recording
from moeprof.tests.energy.metered_runs import write_power_log
from moeprof.tests.energy.power_logs import EPOCH_NS, MS, S, counter, series, steady_log

MARKS_NS = tuple(range(2 * S, 5 * S + 1, 20 * MS))
LOAD = Load(
    kind="operation",
    scenario_key="key",
    visit=0,
    marks_ns=MARKS_NS,
    launches=tuple((mark - 2 * S) // 50_000 for mark in MARKS_NS),
    duty=0.995,
    replay_s=0.003,
)


def reason(log: PowerLog | None = None, **changes: Any) -> str | None:
    return metered_load(log or steady_log(), replace(LOAD, **changes), 1).cost.reason


def test_a_load_of_50_us_at_480_w_costs_24_mj() -> None:
    found = metered_load(steady_log(), LOAD, 1)
    assert found.cost.energy_mj.value == pytest.approx(24, rel=1e-3)
    assert found.latency_us == pytest.approx(50, rel=1e-3)
    assert (found.cost.source, found.cost.flags, found.cost.reason) == ("nvml_counter", (), None)


def test_a_baseline_has_power_and_no_latency() -> None:
    idle = Load("idle", None, 0, (2 * S, 5 * S), (0, 0))
    found = metered_load(steady_log(), idle, 1)
    assert found.cost.power_w.value == pytest.approx(480, rel=1e-3)
    assert found.latency_us is None


FALLING = {SM_CLOCK: series(np.arange(0, 10 * S, 100 * MS), np.linspace(1980, 345, 100))}


def test_a_clock_that_moves_under_a_load_takes_its_energy() -> None:
    assert reason(steady_log(FALLING)) == Fault.CLOCK_DRIFT
    at_limit = {"throttle_power_cap_ns": series([0, 10 * S], [0, 5 * S])}
    assert reason(steady_log(FALLING | at_limit)) is None


def test_a_clock_that_falls_in_idle_or_in_the_pauses_of_a_workload_takes_nothing() -> None:
    idle = Load("idle", None, 0, (2 * S, 5 * S), (0, 0))
    assert metered_load(steady_log(FALLING), idle, 1).cost.reason is None
    assert measured(**FALLING).reason is None


def test_a_device_that_waited_measured_something_else() -> None:
    assert reason(duty=0.981) is None
    assert reason(duty=0.979) == NOT_BUSY == "the device was busy for less than 98% of the load"


def test_power_that_does_not_settle_is_no_measurement() -> None:
    time_ms = np.arange(0, 10_000)
    energy_mj = (time_ms // 100 * 100) ** 2 / 20 + 1e6
    assert reason(steady_log({ENERGY: series(time_ms * MS, energy_mj)})) == NOT_SETTLED


def test_power_that_moves_within_the_load_is_flagged() -> None:
    time_ms = np.arange(0, 10_000)
    energy_mj = np.cumsum(np.where(time_ms < 3500, 690.0, 560.0))
    log = steady_log({ENERGY: series(time_ms * MS, energy_mj[time_ms // 100 * 100])})
    found = metered_load(log, LOAD, 1).cost
    assert found.reason is None
    words = "the power moved from 690 to 560 W within the load"
    assert Flag(FlagCode.POWER_MOVED, words) in found.flags


def test_without_a_counter_the_load_needs_not_settle() -> None:
    failing = series(np.arange(0, 10 * S, 10 * MS), np.nan, code=NvmlCode.NOT_SUPPORTED)
    found = metered_load(steady_log({ENERGY: failing}), LOAD, 1)
    assert (found.cost.source, found.cost.reason) == ("nvml_power", None)
    assert found.cost.energy_mj.value == pytest.approx(24, rel=1e-3)


def test_the_packages_of_a_host_are_their_own_source() -> None:
    log = replace(steady_log(), sensor="rapl")
    assert metered_load(log, LOAD, 0).cost.source == "rapl"


def test_a_load_without_readings_has_a_reason() -> None:
    assert reason(marks_ns=(2 * S,), launches=(0,)) is not None
    assert reason(steady_log({ENERGY: counter(seconds=1)})) is not None


def test_launches_are_those_that_ended_in_the_window() -> None:
    window = Window(3 * S, 4 * S)
    assert launches_in(LOAD, window) == pytest.approx(20_000)
    idle = Load("idle", None, 0, (0, 3 * S), (0, 0))
    assert launches_in(idle, window) == 1


def test_the_mean_over_loads_is_no_surer_than_their_windows() -> None:
    spread, alike = means_of_loads(
        [
            [Measured(400.0, 1.0, 9), Measured(404.0, 1.0, 9)],
            [Measured(300.0, 9.0, 9), Measured(300.0, 9.0, 9)],
        ]
    )
    assert (spread.value, spread.n) == (402, 2)
    assert spread.ci95 is not None
    assert spread.ci95 > 2**0.5 / 2
    assert alike.ci95 == pytest.approx(9 / 2**0.5)


def test_one_load_has_the_interval_of_its_window() -> None:
    assert means_of_loads([[Measured(400.0, 1.0, 9)]]) == [Measured(400.0, 1.0, 1)]
    assert means_of_loads([[Measured(400.0, None, 9)]])[0].ci95 is None


def test_a_load_with_empty_kernels_of_an_older_version_is_left_out(tmp_path: Path) -> None:
    log = steady_log()
    readings = {name: log.series(name) for name in (ENERGY, POWER_INSTANT, TEMP_GPU)}
    write_power_log(tmp_path / "power.csv", readings, "a GPU")
    files = {"power.csv": sha256_of(tmp_path / "power.csv")}
    loads = (Load("empty", None, 0, (2 * S, 5 * S), (0, 9)), LOAD)
    found, samples = metered_loads(
        tmp_path, make_recording(collector="power", loads=loads, files=files)
    )
    assert [one.load.kind for one in found] == ["operation"]
    assert samples.num_rows == len(readings[POWER_INSTANT])


STEADY_METER = PowerMeter(PowerTrace(np.arange(0, 10, 0.01), np.full(1000, 500.0)), EPOCH_NS / 1e9)


def by_meter(log: PowerLog, meter: PowerMeter = STEADY_METER) -> WindowEnergy:
    return window_energy(log, WINDOW, processes=1, launches=1000, meter=meter)


def test_energy_is_the_meters_power_over_the_sensors_window() -> None:
    found = by_meter(steady_log())
    assert found.power_w.value == pytest.approx(500)
    assert found.energy_mj.value == pytest.approx(500 * 2 * 1000 / 1000)
    assert (found.source, found.reason, found.temp_c) == ("external_meter", None, 60)


def test_on_a_simulated_device_it_is_simulated_still() -> None:
    assert by_meter(steady_log(name="H200 (simulated)")).source == "simulated"


def test_a_fault_of_the_sensor_is_none_of_the_meter() -> None:
    log = steady_log()
    counter = log.series("energy_mj")
    lost = replace(counter, code=np.full(len(counter), 15), value=np.full(len(counter), np.nan))
    found = by_meter(replace(log, readings={**log.readings, "energy_mj": lost}))
    assert found.power_w.value == pytest.approx(500)
    assert found.faults == ()


def test_a_sensor_in_another_unit_is_none_of_the_meter() -> None:
    log = steady_log({"power_limit_mw": series([0], 300e3)})
    found = by_meter(log)
    assert found.power_w.value == pytest.approx(500)
    assert found.faults == ()


def test_a_fault_of_the_device_takes_the_energy_away() -> None:
    log = steady_log()
    processes = replace(log.series("temp_gpu_c"), value=np.full(100, 2.0))
    found = by_meter(replace(log, readings={**log.readings, "compute_processes": processes}))
    assert found.faults == (Fault.FOREIGN_PROCESS,)
    assert found.energy_mj == Measured(None, None, 199, Fault.FOREIGN_PROCESS)
    assert (found.reason, found.source) == (Fault.FOREIGN_PROCESS, "unavailable")


def test_a_window_that_the_meter_does_not_cover_has_no_energy() -> None:
    short = PowerMeter(PowerTrace(np.arange(0, 3, 0.01), np.full(300, 500.0)), STEADY_METER.lag_s)
    found = by_meter(steady_log(), short)
    assert (found.reason, found.source) == (NOT_COVERED, "unavailable")


WINDOW = Window(2 * S, 4 * S)
SECONDS = np.arange(0, 11) * S
TENTHS = np.arange(0, 10 * S, 100 * MS)


def measured(**replaced: Series) -> WindowEnergy:
    return window_energy(steady_log(replaced), WINDOW, processes=1, launches=1000)


def failing(code: int) -> Series:
    return series(np.arange(0, 10 * S, 10 * MS), np.nan, code)


UNSUPPORTED = failing(NvmlCode.NOT_SUPPORTED)


def test_a_good_window_gives_energy_per_launch_and_what_goes_with_it() -> None:
    found = measured()
    assert found.energy_mj.value == pytest.approx(480 * 2 * 1000 / 1000, rel=1e-3)
    assert found.power_w.n == 19
    assert (found.source, found.faults, found.flags) == ("nvml_counter", (), ())
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
        (Fault.NO_PERMISSION, {ENERGY: failing(NvmlCode.NO_PERMISSION)}),
        (Fault.GPU_LOST, {ENERGY: failing(NvmlCode.GPU_IS_LOST)}),
        (Fault.READ_FAILED, {ENERGY: failing(NvmlCode.UNKNOWN)}),
        (Fault.FOREIGN_PROCESS, {COMPUTE_PROCESSES: series(SECONDS, 1 + (SECONDS > 2.5 * S))}),
        (Fault.THERMAL_THROTTLING, {"throttle_hw_thermal_ns": series(TENTHS, TENTHS / 20)}),
        (Fault.THERMAL_THROTTLING, {EVENT_REASONS: series(TENTHS, 0x20)}),
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


def test_a_reset_counter_and_a_stuck_one_have_different_reasons() -> None:
    readings = counter()
    after = readings.begin_ns > 3 * S
    reset = series(readings.begin_ns, np.where(after, 0, readings.value))
    assert measured(**{ENERGY: reset}).reason == Fault.COUNTER_RESET
    stuck = series(readings.begin_ns, 5e6)
    assert measured(**{ENERGY: stuck}).reason == Unusable.STUCK


@pytest.mark.parametrize("code", [NvmlCode.NOT_SUPPORTED, NvmlCode.FUNCTION_NOT_FOUND])
def test_without_a_counter_readings_of_power_are_used(code: int) -> None:
    found = measured(**{ENERGY: failing(code)})
    assert found.source == "nvml_power"
    assert found.energy_mj.value == pytest.approx(960, rel=1e-3)


def test_a_power_sensor_that_is_read_often_is_no_more_certain() -> None:
    each_20_ms = np.arange(0, 10 * S, 20 * MS)
    refreshed = np.random.default_rng(0).normal(480e3, 15e3, 100)[each_20_ms // (100 * MS)]
    often = series(each_20_ms, refreshed)
    once = series(each_20_ms[::5], refreshed[::5])
    found, sparse = (
        measured(**{ENERGY: UNSUPPORTED, POWER_INSTANT: readings}).power_w
        for readings in (often, once)
    )
    assert found == sparse
    assert found.n == 21


def test_a_power_sensor_that_repeats_itself_still_counts() -> None:
    found = measured(**{ENERGY: UNSUPPORTED, POWER_INSTANT: series(TENTHS, 30e3)})
    assert found.power_w.value == 30


def test_without_any_sensor_the_reason_is_that_of_the_counter() -> None:
    found = measured(**{ENERGY: UNSUPPORTED, POWER_INSTANT: UNSUPPORTED})
    assert (found.reason, found.source) == (Fault.NOT_SUPPORTED, "unavailable")


def test_a_power_limit_is_a_flag_and_no_fault() -> None:
    found = measured(throttle_power_cap_ns=series(TENTHS, TENTHS / 2))
    assert found.energy_mj.value is not None
    words = "power limit held the clocks down for 50% of the window"
    assert found.flags == (Flag(FlagCode.POWER_CAPPED, words),)


def test_a_clock_that_moves_by_a_few_steps_or_under_a_power_limit_is_a_flag() -> None:
    few = measured(**{SM_CLOCK: series(TENTHS, 1755 - 30 * (TENTHS > 3 * S))})
    moved = Flag(FlagCode.CLOCK_MOVED, "the SM clock moved by 30 MHz")
    assert (few.reason, few.flags) == (None, (moved,))
    falling = series(TENTHS, 1755 - 90 * (TENTHS > 3 * S))
    capped = measured(**{SM_CLOCK: falling, "throttle_power_cap_ns": series(TENTHS, TENTHS / 2)})
    assert capped.reason is None
    assert [flag.code for flag in capped.flags] == [FlagCode.POWER_CAPPED, FlagCode.CLOCK_MOVED]


def test_two_sources_that_disagree_flag_the_window() -> None:
    found = measured(**{POWER_INSTANT: series(TENTHS, 450e3 + TENTHS % 3)})
    words = "instant power differs from the energy counter by -6.2%"
    assert found.flags == (Flag(FlagCode.POWER_SOURCES_DIFFER, words),)
    assert found.energy_mj.value is not None
