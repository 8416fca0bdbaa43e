"""The simulated sensors agree with each other and with the trace."""

from pathlib import Path

import pynvml
import pytest

from moeprof.device.nvml import ENERGY, POWER_AVERAGE, POWER_INSTANT, TEMP_GPU, Sensors, nvml
from moeprof.energy.per_launch import window_energy
from moeprof.energy.power_log import read_power_log
from moeprof.energy.window import Window
from moeprof.profiler.power.device_sensors import header
from moeprof.profiler.power.sensor_log import write_log
from moeprof.profiler.power.sensor_reader import SensorReader
from moeprof.tests.fakenvml import fake

STEP = [(0, 100e3, 40.0, 1755, 0), (5, 100e3, 45.9, 1755, 0), (5.001, 500e3, 45.9, 1755, 0x4)]
STEP += [(10, 500e3, 60.0, 1755, 0x4)]


def read_at(clock: fake.VirtualClock, seconds: float) -> dict[str, int | None]:
    clock.set_ns(int(seconds * 1e9))
    with nvml() as library:
        sensors = Sensors(library, fake.UUID)
        readings = sensors.energy() + sensors.fields() + sensors.temperature()
    return {reading.name: reading.value for reading in readings}


def test_energy_power_and_temperature_are_of_one_trace(simulate: fake.Simulate) -> None:
    with simulate(STEP) as clock:
        before, after = read_at(clock, 4.95), read_at(clock, 6.05)
    assert (before[POWER_INSTANT], before[TEMP_GPU]) == (100_000, 45)
    assert (after[POWER_INSTANT], after[POWER_AVERAGE]) == (500_000, 499_800)
    assert after[ENERGY] is not None
    assert before[ENERGY] is not None
    used_mj = after[ENERGY] - before[ENERGY]
    assert used_mj == pytest.approx(0.1 * 100e3 + 500e3 - 200, abs=2)  # ticks at 4.9 and 6.0 s
    assert after["throttle_power_cap_ns"] == pytest.approx(1.049e9, abs=1)


def test_what_is_read_depends_on_the_time_alone(simulate: fake.Simulate) -> None:
    with simulate(STEP) as clock:
        first = read_at(clock, 7.77)
        read_at(clock, 1.0)
        assert read_at(clock, 7.77) == first


def test_the_counter_changes_on_its_tick(simulate: fake.Simulate) -> None:
    with simulate(STEP, update_ms=50, phase_ms=20) as clock:
        values = [read_at(clock, t)[ENERGY] for t in (1.019, 1.021, 1.069, 1.071)]
    assert values[0] != values[1] == values[2] != values[3]


def test_ticks_that_jitter_are_seen_late_with_the_energy_of_their_time(
    simulate: fake.Simulate,
) -> None:
    ticks_s = range(6, 10)
    with simulate(STEP) as clock:
        on_time = [read_at(clock, t)[ENERGY] for t in ticks_s]
    with simulate(STEP, jitter_ms=40) as clock:
        early, late = ([read_at(clock, t + dt)[ENERGY] for t in ticks_s] for dt in (0, 0.04))
        delays = [
            next(dt for dt in range(41) if read_at(clock, t + dt / 1e3)[ENERGY] == now)
            for t, now in zip(ticks_s, on_time, strict=True)
        ]
    assert (early != on_time, late) == (True, on_time)
    assert len(set(delays)) == 4


def test_without_a_trace_there_is_no_driver(fake_library: Path) -> None:
    with fake.simulated_gpu(fake_library), pytest.raises(pynvml.NVMLError_DriverNotLoaded):
        pynvml.nvmlInit()


def record(clock: fake.VirtualClock, seconds: float, path: Path) -> None:
    with nvml() as library:
        recorder = SensorReader(Sensors(library, fake.UUID), clock)
        recorder.record(clock.reached(seconds))
    write_log(path, header(fake.UUID), recorder.rows)


@pytest.mark.parametrize(
    "settings", [{}, {"errors": "field82=3"}, {"errors": "nvmlDeviceGetTotalEnergyConsumption=3"}]
)
def test_a_log_of_the_recorder_is_a_gpu_of_the_same_power(
    simulate: fake.Simulate, fake_library: Path, tmp_path: Path, settings: dict[str, object]
) -> None:
    """As it lies in a run: raw/power/<unit>/power.csv, return codes and all."""
    with simulate([*STEP[:-1], (10, 504e3, 60.0, 1755, 0x4)], **settings) as clock:
        record(clock, 10, tmp_path / "first.csv")
    clock = fake.VirtualClock(tmp_path / "again")
    with fake.simulated_gpu(fake_library, log=tmp_path / "first.csv", clock=tmp_path / "again"):
        record(clock, 10, tmp_path / "second.csv")
    window = Window(5_500_000_000, 9_500_000_000)
    logs = (read_power_log(tmp_path / name) for name in ("first.csv", "second.csv"))
    first, second = (window_energy(log, window, 0, launches=1000) for log in logs)
    assert first.reason is None
    assert first.power_w.value is not None
    assert second.power_w.value == pytest.approx(first.power_w.value, rel=2e-3)
    assert first.power_w.value == pytest.approx(502, rel=2e-3)
    assert (second.source, second.reason, second.flags) == (first.source, None, first.flags)
    assert second.temp_c == pytest.approx(first.temp_c, abs=0.2)
