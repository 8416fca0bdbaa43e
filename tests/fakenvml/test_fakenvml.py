"""The simulated sensors agree with each other and with the trace."""

from pathlib import Path

import pynvml
import pytest

from moeprof.device.nvml import ENERGY, POWER_AVERAGE, POWER_INSTANT, TEMP_GPU, Sensors, nvml
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
    assert used_mj == pytest.approx(0.1 * 100e3 + 500e3 - 200, abs=2)  # of the ticks 4.9 and 6.0
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


def test_without_a_trace_there_is_no_driver(fake_library: Path) -> None:
    with fake.simulated_gpu(fake_library), pytest.raises(pynvml.NVMLError_DriverNotLoaded):
        pynvml.nvmlInit()
