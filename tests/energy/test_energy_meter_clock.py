"""The clock of an external meter, aligned with the sensors' at the edges of loads."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.device.nvml import POWER_INSTANT
from moeprof.energy.meter_clock import align, lag_s, power_logs, run_meter
from moeprof.energy.power_meter import PowerTrace, read_meter
from moeprof.profiler.power.meter_file import keep_meter
from moeprof.stats.arrays import Float64
from moeprof.store.errors import BadInput
from moeprof.tests.energy.metered_runs import AHEAD_S, write_meter, write_run
from moeprof.tests.energy.power_logs import EPOCH_NS, MS, S, series, steady_log


def load(time_s: Float64) -> PowerTrace:
    """Two steps that nothing else looks like."""
    return PowerTrace(time_s, np.where((time_s > 3) & (time_s < 7.7), 400.0, 100.0))


@settings(max_examples=15)
@given(late_s=st.floats(-1.5, 1.5), offset_s=st.floats(-1, 1))
def test_the_lag_is_found_at_the_load_edges(late_s: float, offset_s: float) -> None:
    meter = load(np.arange(0, 12, 0.001))
    sensor_s = np.arange(1, 11, 0.02)
    sensor = PowerTrace(sensor_s, load(sensor_s - late_s).power_w * 0.95)
    found = lag_s(sensor, meter, longest_s=2)
    assert found is not None
    assert found == pytest.approx(late_s, abs=0.03)


def test_a_load_that_repeats_itself_or_never_steps_has_no_lag() -> None:
    time_s = np.arange(0, 12, 0.01)
    square = PowerTrace(time_s, np.where(time_s % 1 < 0.5, 400.0, 100.0))
    assert lag_s(square, square, longest_s=2) is None
    flat = PowerTrace(time_s, np.full(len(time_s), 100.0))
    assert lag_s(flat, flat, longest_s=2) is None


@pytest.mark.parametrize(("name", "lag"), [("A100", 0.06), ("3090", 0.1)])
def test_real_pairs_have_the_lag_that_is_known_of_them(name: str, lag: float) -> None:
    folder = os.environ.get("MOEPROF_SAMPLE_DATA")
    if folder is None:
        pytest.skip("MOEPROF_SAMPLE_DATA is unset")
    stem = f"power/Transient_Response_{name}_TR"
    rows = np.genfromtxt(Path(folder, f"{stem}_nvml.csv"), delimiter=",", names=True)
    sensor = PowerTrace(rows["t_s"], rows["nvml_instant_W"])
    found = lag_s(sensor, read_meter(Path(folder, f"{stem}_meter.csv")), longest_s=1)
    assert found == pytest.approx(lag, abs=0.02)


def test_edges_that_the_sensor_did_not_see_do_not_count() -> None:
    """It was read around two loads of five, and not the largest: the meter saw all of them."""
    meter_s = np.arange(0, 40, 0.002)
    loads = ((2, 4, 400), (9, 10, 950), (16, 21, 900), (27, 28, 450), (33, 38, 500))
    power_w = np.full(len(meter_s), 100.0)
    for begin_s, end_s, watts in loads:
        power_w[(meter_s >= begin_s) & (meter_s < end_s)] = watts
    seen_s = np.concatenate([np.arange(1, 5, 0.02), np.arange(26, 29, 0.02)])
    sensor = PowerTrace(seen_s + 7, np.interp(seen_s, meter_s, power_w))
    found = lag_s(sensor, PowerTrace(meter_s, power_w), longest_s=100)
    assert found == pytest.approx(7, abs=0.02)


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
    "power_w",
    [
        lambda time_s: np.full(len(time_s), 100.0),
        lambda time_s: np.where(time_s % 1 < 0.5, 400.0, 100.0),
    ],
    ids=["no load", "periodic load"],
)
def test_a_meter_of_something_else_is_refused(
    tmp_path: Path, power_w: Callable[[Float64], Float64]
) -> None:
    run, csv = write_run(tmp_path / "run"), tmp_path / "meter.csv"
    time_s = np.arange(0, 20, 0.01)
    rows = zip(time_s, power_w(time_s), strict=True)
    csv.write_text("t_s,p_w\n" + "".join(f"{t},{p}\n" for t, p in rows))
    with pytest.raises(BadInput) as caught:
        align(csv, power_logs(run.recordings()))
    assert str(csv) in caught.value.message
    assert caught.value.hint


def test_without_instant_power_the_clock_is_aligned_by_counter_edges(tmp_path: Path) -> None:
    run, csv = write_run(tmp_path / "run"), write_meter(tmp_path / "meter.csv")
    logs = [
        replace(log, readings={n: each for n, each in log.readings.items() if n != POWER_INSTANT})
        for log in power_logs(run.recordings())
    ]
    ahead_s = align(csv, logs).lag_s - EPOCH_NS / 1e9
    assert ahead_s == pytest.approx(AHEAD_S, abs=0.05)


@pytest.mark.parametrize("drift", [-1.5e-3, 5e-4, 1.5e-3])
def test_a_clock_that_runs_fast_or_slow_is_corrected(tmp_path: Path, drift: float) -> None:
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


def test_without_loads_a_meter_cannot_be_aligned(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        align(write_meter(tmp_path / "meter.csv"), [])
    assert caught.value.hint


def test_a_pass_that_lasts_for_days_is_refused(tmp_path: Path) -> None:
    log = steady_log(seconds=5)
    epoch = log.series("clock_epoch_ns")
    later = replace(epoch, value=epoch.value + 30 * 3600 * 1e9)
    tomorrow = replace(log, readings={**log.readings, "clock_epoch_ns": later})
    with pytest.raises(BadInput, match="30 hours") as caught:
        align(write_meter(tmp_path / "meter.csv"), [log, tomorrow])
    assert caught.value.hint


def test_a_run_without_a_meter_has_none(tmp_path: Path) -> None:
    assert run_meter(write_run(tmp_path / "run").recordings()) is None


def test_the_meter_of_a_run_is_the_file_that_was_kept(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    keep_meter(run, write_meter(tmp_path / "meter.csv"))
    assert run_meter(run.recordings()) is not None
    kept = run.unit("meter", "csv") / "meter.csv"
    kept.write_text(kept.read_text().replace("0", "1"))
    with pytest.raises(BadInput) as caught:
        run_meter(run.recordings())
    assert str(kept) in caught.value.message
    assert caught.value.hint
