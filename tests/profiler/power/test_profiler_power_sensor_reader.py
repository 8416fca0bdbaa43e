"""The reader on the simulated NVML: what it reads, how seldom, and what it makes of failures."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from moeprof.device.nvml import ENERGY, POWER_INSTANT, TEMP_GPU, Sensors, nvml
from moeprof.energy.counter import counter_edges, edge_to_edge_power_w
from moeprof.energy.power_log import read_power_log
from moeprof.profiler.power.device_sensors import header
from moeprof.profiler.power.sensor_log import write_log
from moeprof.profiler.power.sensor_reader import SensorReader
from moeprof.tests.fakenvml import fake

STEADY = [(0, 480e3, 40.0, 1755, 0), (1000, 480e3, 80.0, 1755, 0)]


def record(clock: fake.VirtualClock, seconds: float) -> SensorReader:
    with nvml() as library:
        recorder = SensorReader(Sensors(library, fake.UUID), clock)
        recorder.record(clock.reached(seconds))
    return recorder


@pytest.mark.parametrize("update_ms", [1, 20, 100, 103.7, 250])
def test_it_sees_every_tick_closely_and_reads_seldom(
    simulate: fake.Simulate, tmp_path: Path, update_ms: float
) -> None:
    with simulate(STEADY, update_ms=update_ms, phase_ms=7) as clock:
        recorder = record(clock, 30)
        write_log(tmp_path / "log.csv", header(fake.UUID), recorder.rows)
    assert recorder.calls / 30 <= 150
    edges = counter_edges(read_power_log(tmp_path / "log.csv").series(ENERGY))
    followed_s = max(update_ms, 80) / 1e3
    assert len(edges) > 0.8 * 30 / followed_s - 5
    assert edges.width_ns.max() < 2e6
    ticks = (edges.time_ns / 1e6 - 7) / update_ms
    assert max(abs(ticks - ticks.round())) * update_ms < 1  # ms


@pytest.mark.parametrize("late_ms", [2, 5, 12])
def test_a_host_that_wakes_it_late_costs_edges_and_no_more_readings(
    simulate: fake.Simulate, monkeypatch: pytest.MonkeyPatch, late_ms: int
) -> None:
    random = Random(late_ms)
    with simulate(STEADY) as clock:
        on_time = clock.sleep_until
        late = lambda at_ns: on_time(at_ns + random.randrange(late_ms * 1_000_000))  # noqa: E731
        monkeypatch.setattr(clock, "sleep_until", late)
        assert record(clock, 30).calls / 30 <= 150


@pytest.mark.parametrize("call_ms", [2, 5, 20])
def test_a_slow_nvml_is_polled_all_the_time_and_leaves_wide_edges(
    simulate: fake.Simulate, tmp_path: Path, call_ms: float
) -> None:
    with simulate(STEADY, call_ms=call_ms) as clock:
        recorder = record(clock, 10)
        write_log(tmp_path / "log.csv", header(fake.UUID), recorder.rows)
    log = read_power_log(tmp_path / "log.csv")
    edges = counter_edges(log.series(ENERGY))
    assert edges.are_wide
    assert len(edges) > 40
    power = edge_to_edge_power_w(log.series(ENERGY), 1 * 10**9, 10 * 10**9)
    assert power.value == pytest.approx(480, rel=0.005)
    assert len(log.series(TEMP_GPU)) >= 10


def test_a_counter_that_stands_still_is_still_watched(simulate: fake.Simulate) -> None:
    with simulate(STEADY, freeze_s=2) as clock:
        recorder = record(clock, 10)
    late = [row for row in recorder.rows if row[0] > 8e9]
    assert {ENERGY, TEMP_GPU, POWER_INSTANT} <= {row[2] for row in late}
    assert recorder.calls / 10 <= 150


def test_a_lost_gpu_does_not_end_the_recording(simulate: fake.Simulate) -> None:
    functions = ("TotalEnergyConsumption", "FieldValues", "TemperatureV")
    errors = ",".join(f"nvmlDeviceGet{name}=15@3" for name in functions)
    with simulate(STEADY, errors=errors) as clock:
        recorder = record(clock, 6)
    codes = Counter((row[2], row[3]) for row in recorder.rows)
    for name in (ENERGY, POWER_INSTANT, TEMP_GPU):
        assert codes[name, 0] > 10
        assert codes[name, 15] > 10
    assert all((row[4] is None) == (row[3] != 0) for row in recorder.rows)


def test_without_a_counter_power_is_read_often_enough(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlDeviceGetTotalEnergyConsumption=3") as clock:
        recorder = record(clock, 5)
    powers = sum(row[2] == POWER_INSTANT for row in recorder.rows)
    assert 30 <= powers / 5 <= 60
    assert recorder.calls / 5 <= 150


def test_both_host_clocks_are_noted_each_second(simulate: fake.Simulate) -> None:
    with simulate(STEADY) as clock:
        recorder = record(clock, 10)
    for name in ("clock_epoch_ns", "clock_boot_ns"):
        assert sum(row[2] == name for row in recorder.rows) >= 10


def test_a_log_replayed_by_the_simulated_nvml_gives_the_same_readings(
    simulate: fake.Simulate, fake_library: Path, tmp_path: Path
) -> None:
    with simulate(STEADY, errors="field82=3") as clock:
        first = record(clock, 4)
        write_log(tmp_path / "log.csv", header(fake.UUID), first.rows)
    clock = fake.VirtualClock(tmp_path / "again")
    with fake.simulated_gpu(fake_library, log=tmp_path / "log.csv", clock=tmp_path / "again"):
        again = record(clock, 4)

    def seen(recorder: SensorReader, name: str) -> set[tuple[int, int | None]]:
        return {(row[3], row[4]) for row in recorder.rows if row[2] == name}

    assert seen(again, "temp_memory_c") == {(3, None)}
    assert len(seen(again, ENERGY) & seen(first, ENERGY)) >= 38
