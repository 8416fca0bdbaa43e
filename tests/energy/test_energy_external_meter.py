"""A meter's clock brought to the sensors', and its power in place of theirs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moeprof.device.nvml import POWER_INSTANT
from moeprof.energy.counter import Measured
from moeprof.energy.external_meter import PowerMeter, align, by_meter
from moeprof.energy.faults import Fault
from moeprof.energy.meter_file import PowerTrace
from moeprof.energy.power_log import PowerLog
from moeprof.energy.run_meter import power_logs
from moeprof.energy.window import Window, WindowEnergy, window_energy
from moeprof.stats.arrays import Float64
from moeprof.store.errors import BadInput
from moeprof.tests.energy.metered_runs import AHEAD_S, write_meter, write_run
from moeprof.tests.energy.power_logs import EPOCH_NS, MS, S, series, steady_log

STEADY = PowerMeter(PowerTrace(np.arange(0, 10, 0.01), np.full(1000, 500.0)), EPOCH_NS / 1e9)
WINDOW = Window(2 * S, 4 * S, launches=1000)


def cost(log: PowerLog, meter: PowerMeter = STEADY) -> WindowEnergy:
    return by_meter(window_energy(log, WINDOW, 1), log, WINDOW, meter)


def test_the_clock_of_a_meter_is_found_wherever_it_began(tmp_path: Path) -> None:
    run, csv = write_run(tmp_path / "run"), write_meter(tmp_path / "meter.csv")
    found = align(csv, power_logs(run.recordings()))
    ahead_s = found.lag_s - EPOCH_NS / 1e9
    assert 0 <= ahead_s - AHEAD_S <= 0.11  # the sensor's own delay comes on top


def test_a_meter_that_counts_from_the_epoch_is_searched_nearby(tmp_path: Path) -> None:
    run, csv = write_run(tmp_path / "run"), write_meter(tmp_path / "meter.csv")
    rows = np.loadtxt(csv, delimiter=",", skiprows=1)
    late_s = EPOCH_NS / 1e9 + AHEAD_S - 3
    again = rows + np.array([60.0, 0.0])  # the same loads a minute later would fit as well
    twice = np.concatenate([rows, again]) + np.array([late_s, 0.0])
    lines = [f"{time_s:.4f},{power_w}" for time_s, power_w in twice]
    csv.write_text("\n".join(["time_s,power_w", *lines]))
    assert align(csv, power_logs(run.recordings())).lag_s == pytest.approx(3.05, abs=0.06)


@pytest.mark.parametrize(
    ("power_w", "words"),
    [
        (lambda t: np.full(len(t), 100.0), "no lag of its clock fits, or several"),
        (lambda t: np.where(t % 1 < 0.5, 400.0, 100.0), "no lag of its clock fits, or several"),
    ],
)
def test_a_meter_of_something_else_is_refused(
    tmp_path: Path, power_w: Callable[[Float64], Float64], words: str
) -> None:
    run, csv = write_run(tmp_path / "run"), tmp_path / "meter.csv"
    time_s = np.arange(0, 20, 0.01)
    rows = zip(time_s, power_w(time_s), strict=True)
    csv.write_text("t_s,p_w\n" + "".join(f"{t},{p}\n" for t, p in rows))
    with pytest.raises(BadInput, match=words):
        align(csv, power_logs(run.recordings()))


def test_without_instant_power_the_counters_edges_tell_the_clock(tmp_path: Path) -> None:
    run, csv = write_run(tmp_path / "run"), write_meter(tmp_path / "meter.csv")
    logs = [
        replace(log, readings={n: each for n, each in log.readings.items() if n != POWER_INSTANT})
        for log in power_logs(run.recordings())
    ]
    ahead_s = align(csv, logs).lag_s - EPOCH_NS / 1e9
    assert ahead_s == pytest.approx(AHEAD_S, abs=0.05)


@pytest.mark.parametrize("drift", [-1.5e-3, 5e-4, 1.5e-3])
def test_a_clock_that_runs_fast_or_slow_is_brought_to_the_sensors_rate(
    tmp_path: Path, drift: float
) -> None:
    begins_s = np.cumsum(np.random.default_rng(1).uniform(1.5, 4, 150))
    bounds_s = np.sort(np.concatenate([begins_s, begins_s + 1]))
    watts = np.random.default_rng(2).uniform(250, 600, 150)

    def power_w(time_s: Float64) -> Float64:
        number = np.searchsorted(bounds_s, time_s)
        return np.where(number % 2 == 1, watts[np.minimum(number // 2, 149)], 100.0)

    seen_ns = np.arange(0, int(bounds_s[-1] + 2) * S, 50 * MS)
    log = steady_log(
        {POWER_INSTANT: series(seen_ns, power_w(seen_ns / S) * 1000)}, seconds=seen_ns[-1] // S
    )
    time_s = np.arange(0, bounds_s[-1] + 2, 0.01)
    csv = tmp_path / "meter.csv"
    np.savetxt(
        csv,
        np.column_stack([time_s * (1 + drift), power_w(time_s)]),
        "%.4f",
        ",",
        header="t_s,p_w",
        comments="",
    )
    found = align(csv, [log])
    late_s = found.trace.time_s + found.lag_s - EPOCH_NS / S - time_s
    assert np.abs(late_s).max() < 0.06


def test_without_loads_there_is_nothing_to_align_with(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no power over time"):
        align(write_meter(tmp_path / "meter.csv"), [])


def test_a_pass_that_lasts_for_days_is_refused(tmp_path: Path) -> None:
    log = steady_log(seconds=5)
    epoch = log.series("clock_epoch_ns")
    later = replace(epoch, value=epoch.value + 30 * 3600 * 1e9)
    tomorrow = replace(log, readings={**log.readings, "clock_epoch_ns": later})
    with pytest.raises(BadInput, match="lie 30 hours apart, and a meter is aligned over 12"):
        align(write_meter(tmp_path / "meter.csv"), [log, tomorrow])


def test_energy_is_the_meters_power_over_the_sensors_window() -> None:
    found = cost(steady_log())
    assert found.power_w.value == pytest.approx(500)
    assert found.energy_mj.value == pytest.approx(500 * 2 * 1000 / 1000)
    assert (found.source, found.reason, found.temp_c) == ("external_meter", None, 60)


def test_on_a_simulated_device_it_is_simulated_still() -> None:
    assert cost(steady_log(name="H200 (simulated)")).source == "simulated"


def test_a_fault_of_the_sensor_is_none_of_the_meter() -> None:
    log = steady_log()
    counter = log.series("energy_mj")
    lost = replace(counter, code=np.full(len(counter), 15), value=np.full(len(counter), np.nan))
    found = cost(replace(log, readings={**log.readings, "energy_mj": lost}))
    assert found.power_w.value == pytest.approx(500)
    assert found.faults == ()


def test_a_sensor_in_another_unit_is_none_of_the_meter() -> None:
    log = steady_log({"power_limit_mw": series([0], 300e3)})
    found = cost(log)
    assert found.power_w.value == pytest.approx(500)
    assert found.faults == ()


def test_a_fault_of_the_device_takes_the_energy_away() -> None:
    log = steady_log()
    processes = replace(log.series("temp_gpu_c"), value=np.full(100, 2.0))
    found = cost(replace(log, readings={**log.readings, "compute_processes": processes}))
    assert found.faults == (Fault.FOREIGN_PROCESS,)
    assert found.energy_mj == replace(Measured(None, None, 200), reason=found.reason, n=199)
    assert (found.reason, found.source) == (Fault.FOREIGN_PROCESS, "unavailable")


def test_a_window_that_the_meter_does_not_cover_has_no_energy() -> None:
    short = PowerMeter(PowerTrace(np.arange(0, 3, 0.01), np.full(300, 500.0)), STEADY.lag_s)
    found = cost(steady_log(), short)
    assert (found.reason, found.source) == ("the meter does not cover the window", "unavailable")
