"""The sensors of a device by its name, and the header of their log."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from moeprof.device.nvml import ENERGY, Sensors
from moeprof.device.rapl import Package
from moeprof.device.rapl_sensors import RaplSensors
from moeprof.profiler.power.device_sensors import CPU, device_sensors
from moeprof.profiler.power.sensor_log import SCHEMA
from moeprof.store.errors import CannotMeasure
from moeprof.tests.fakenvml import fake

STEADY = [(0, 480e3, 40.0, 1755, 0), (1000, 480e3, 80.0, 1755, 0)]


def test_a_gpu_is_named_by_its_uuid(simulate: fake.Simulate) -> None:
    with simulate(STEADY), device_sensors(fake.UUID, 1) as (header, sensors):
        assert sensors.energy()[0].name == ENERGY
    assert header == {
        "schema": SCHEMA, "gpu": fake.UUID, "name": "H200 (simulated)", "driver": "580.00.00",
    }  # fmt: skip


def test_moeprof_is_no_other_process(simulate: fake.Simulate) -> None:
    with simulate(STEADY, processes="41@0,42@0"), device_sensors(fake.UUID, 41) as (_, sensors):
        assert isinstance(sensors, Sensors)
        assert sensors.compute_processes()[0].value == 1


def test_an_unknown_gpu_is_refused(simulate: fake.Simulate) -> None:
    with simulate(STEADY), pytest.raises(CannotMeasure, match="GPU-none"):
        device_sensors("GPU-none", 1).__enter__()


def test_the_processors_have_their_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "energy_uj").write_text("0")
    packages = RaplSensors([Package(tmp_path, 1 << 40)])
    opening = "moeprof.profiler.power.device_sensors.rapl_sensors"
    monkeypatch.setattr(opening, lambda: nullcontext(packages))
    with device_sensors(CPU, 1) as (header, sensors):
        assert sensors is packages
    assert (header["gpu"], header["sensor"]) == ("cpu", "rapl")
