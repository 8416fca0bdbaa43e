"""A GPU's sensors, read through the simulated NVML."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

from moeprof.device import nvml
from moeprof.device.nvml import NvmlCode
from moeprof.store.errors import CannotMeasure
from moeprof.tests.fakenvml import fake

STEADY = [(0, 480e3, 51.9, 1755, 0x4), (100, 480e3, 51.9, 1755, 0x4)]


@pytest.fixture
def clock(simulate: fake.Simulate) -> Iterator[fake.VirtualClock]:
    with simulate(STEADY) as clock:
        clock.set_ns(10_000_000_000)
        yield clock


def read(*methods: str) -> dict[str, tuple[int, int | None]]:
    with nvml.nvml() as library:
        sensors = nvml.Sensors(library, fake.UUID)
        readings = [reading for method in methods for reading in getattr(sensors, method)()]
    return {name: (code, value) for name, code, value in readings}


@pytest.mark.usefixtures("clock")
def test_each_reading_has_the_unit_of_its_name() -> None:
    read_once = read("energy", "power_usage", "temperature", "sm_clock", "memory_clock")
    assert read_once == {
        nvml.ENERGY: (0, 5_000_000 + 4_800_000),  # 5 kJ at first, and 480 W for 10 s
        nvml.POWER_USAGE: (0, 480_000),
        nvml.TEMP_GPU: (0, 51),
        nvml.SM_CLOCK: (0, 1755),
        nvml.MEMORY_CLOCK: (0, 3201),
    }


@pytest.mark.usefixtures("clock")
def test_fields_hold_power_and_throttled_time() -> None:
    fields = read("fields")
    assert fields[nvml.POWER_INSTANT] == (0, 480_000)
    assert fields["throttle_power_cap_ns"] == (0, 10_000_000_000)
    assert fields["throttle_hw_thermal_ns"] == (0, 0)


def test_a_field_that_fails_has_its_own_code(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="field186=3,field82=4"):
        fields = read("fields")
    assert fields[nvml.POWER_INSTANT] == (NvmlCode.NOT_SUPPORTED, None)
    assert fields[nvml.TEMP_MEMORY] == (NvmlCode.NO_PERMISSION, None)
    assert fields[nvml.POWER_AVERAGE] == (0, 480_000)


def test_a_call_that_fails_gives_its_code_for_every_field(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlDeviceGetFieldValues=15"):
        assert {code for code, _ in read("fields").values()} == {NvmlCode.GPU_IS_LOST}


@pytest.mark.parametrize(
    "code", [NvmlCode.NOT_SUPPORTED, NvmlCode.NO_PERMISSION, NvmlCode.FUNCTION_NOT_FOUND]
)
def test_an_energy_counter_that_fails_keeps_its_code(
    simulate: fake.Simulate, code: NvmlCode
) -> None:
    with simulate(STEADY, errors=f"nvmlDeviceGetTotalEnergyConsumption={code}"):
        assert read("energy") == {nvml.ENERGY: (code, None)}


def test_the_codes_are_those_of_nvml() -> None:
    for code in NvmlCode:
        name = "NVML_SUCCESS" if code == NvmlCode.SUCCESS else f"NVML_ERROR_{code.name}"
        assert getattr(pynvml, name) == code


def test_an_old_driver_is_asked_by_the_older_name(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlDeviceGetCurrentClocksEventReasons=13"):
        assert read("event_reasons") == {nvml.EVENT_REASONS: (0, 4)}


@pytest.mark.parametrize("code", [13, 25])
def test_an_old_driver_has_its_temperature_by_the_older_name(
    simulate: fake.Simulate, code: int
) -> None:
    with simulate(STEADY, errors=f"nvmlDeviceGetTemperatureV={code}"):
        assert read("temperature") == {nvml.TEMP_GPU: (0, 51)}
    with simulate(STEADY, errors="nvmlDeviceGetTemperatureV=13,nvmlDeviceGetTemperature=3"):
        assert read("temperature") == {nvml.TEMP_GPU: (NvmlCode.NOT_SUPPORTED, None)}


def test_compute_processes_are_counted(simulate: fake.Simulate) -> None:
    with simulate(STEADY, processes="41@0,42@5") as clock:
        assert read("compute_processes") == {nvml.COMPUTE_PROCESSES: (0, 1)}
        clock.set_ns(6_000_000_000)
        assert read("compute_processes") == {nvml.COMPUTE_PROCESSES: (0, 2)}


def test_the_process_that_reads_is_not_counted(simulate: fake.Simulate) -> None:
    with simulate(STEADY, processes=f"41@0,{os.getpid()}@0"):
        assert read("compute_processes") == {nvml.COMPUTE_PROCESSES: (0, 1)}


def test_mig_is_refused(simulate: fake.Simulate) -> None:
    with simulate(STEADY, mig=1), pytest.raises(CannotMeasure, match=fake.UUID):
        read("energy")


@pytest.mark.usefixtures("clock")
def test_another_gpu_is_refused_by_name() -> None:
    with nvml.nvml() as library, pytest.raises(CannotMeasure, match="GPU-none"):
        nvml.Sensors(library, "GPU-none")


def test_without_a_driver_nvml_is_refused(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlInit=9"), pytest.raises(CannotMeasure, match="driver"):
        read("energy")


def test_another_process_finds_the_library_by_its_search_path(
    fake_library: Path, tmp_path: Path
) -> None:
    fake.write_trace(tmp_path / "trace.csv", STEADY)
    variables = {"LD_LIBRARY_PATH": fake_library.parent, "FAKENVML_TRACE": tmp_path / "trace.csv"}
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    script = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetCount())"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.stdout == "1\n"


def test_how_busy_it_is_and_its_memory(simulate: fake.Simulate) -> None:
    with simulate(STEADY, utilization=90, memory_busy=35):
        assert read("busy", "memory", "slowdown_temperature") == {
            nvml.GPU_BUSY: (0, 90),
            nvml.MEMORY_BUSY: (0, 35),
            nvml.MEMORY_USED: (0, 100 << 30),
            nvml.MEMORY_TOTAL: (0, 141 << 30),
            nvml.SLOWDOWN_TEMP: (0, 87),
        }


def test_a_call_of_two_readings_that_fails_gives_its_code_for_both(
    simulate: fake.Simulate,
) -> None:
    with simulate(STEADY, errors="nvmlDeviceGetUtilizationRates=3"):
        assert read("busy") == {nvml.GPU_BUSY: (3, None), nvml.MEMORY_BUSY: (3, None)}
