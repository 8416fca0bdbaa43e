"""Which sensors a device has; and a processor's packages are recorded as a GPU's sensors are."""

import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.device.rapl import Package
from moeprof.device.rapl_sensors import RaplSensors
from moeprof.energy.faults import Fault
from moeprof.energy.per_launch import metered_load
from moeprof.energy.power_log import read_power_log
from moeprof.energy.power_samples import power_samples
from moeprof.profiler.power.sensor_log import SCHEMA, write_log
from moeprof.profiler.power.sensor_reader import SensorReader
from moeprof.profiler.power.sensors import check_sensors, open_recorder
from moeprof.store.errors import CannotMeasure
from moeprof.store.provenance import Gpu
from moeprof.store.recording import Load
from moeprof.tests.fake_clock import FakeClock
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.power.virtual_power import TRACE
from moeprof.tests.profiler.worlds import PROVENANCE

_NONE = (None,) * 6
ON_GPU = replace(
    PROVENANCE, device="cuda:0", gpu=Gpu(0, "H200 (simulated)", fake.UUID, *_NONE, l2_bytes=None)
)
COUNTER = "nvmlDeviceGetTotalEnergyConsumption"


def test_a_gpu_has_nvml(simulate: fake.Simulate) -> None:
    with simulate(TRACE):
        assert check_sensors(ON_GPU) == "NVML's energy counter"


@pytest.mark.parametrize(
    "settings",
    [
        {"errors": "nvmlDeviceGetTemperatureV=13"},
        {"lost": 2},
        {"name": os.fsdecode(b"\xf8\x95\xa0")},
    ],
)
def test_old_drivers_lost_gpus_beside_it_and_odd_names_do_no_harm(
    simulate: fake.Simulate, settings: dict[str, object]
) -> None:
    with simulate(TRACE, **settings):
        assert check_sensors(ON_GPU) == "NVML's energy counter"


def test_without_a_counter_it_has_power_readings(simulate: fake.Simulate) -> None:
    with simulate(TRACE, errors=f"{COUNTER}=3"):
        assert check_sensors(ON_GPU).startswith("NVML's power readings")


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        (f"{COUNTER}=4", Fault.NO_PERMISSION),
        (f"{COUNTER}=3,field186=3", Fault.NOT_SUPPORTED),
        (f"{COUNTER}=13,nvmlDeviceGetFieldValues=13", Fault.TOO_OLD),
        (f"{COUNTER}=15", Fault.GPU_LOST),
        ("nvmlInit=9", "NVML is unavailable"),
        ("nvmlDeviceGetCount=15", "NVML cannot describe the GPUs"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_runs(
    simulate: fake.Simulate, errors: str, reason: str
) -> None:
    with simulate(TRACE, errors=errors), pytest.raises(CannotMeasure, match=reason):
        check_sensors(ON_GPU)


def test_a_gpu_in_mig_mode_is_refused(simulate: fake.Simulate) -> None:
    with simulate(TRACE, mig=1), pytest.raises(CannotMeasure, match="MIG mode"):
        check_sensors(ON_GPU)


class BusyPackage(FakeClock):
    """A clock on which a processor's package takes 50 W, counted each 10 ms."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        folder.mkdir()
        self.counter = folder / "energy_uj"
        self.counter.write_text("0")

    def monotonic_ns(self) -> int:
        now_ns = super().monotonic_ns()
        self.counter.write_text(str(now_ns // 10_000_000 * 500_000))
        return now_ns


def test_a_processor_has_its_packages_recorded_as_a_power_log(tmp_path: Path) -> None:
    clock = BusyPackage(tmp_path / "package")
    sensors = RaplSensors([Package(clock.counter.parent, 1 << 40)])
    reader = SensorReader(sensors, clock)
    reader.record(lambda: clock.monotonic_ns() >= 2e9)
    header = {"schema": SCHEMA, "gpu": "cpu", "name": "a CPU", "driver": None, "sensor": "rapl"}
    write_log(tmp_path / "power.csv", header, reader.rows)
    log = read_power_log(tmp_path / "power.csv")
    load = Load("operation", "key", 0, (1_000_000, 2_000_000_000), (0, 1000))
    found = metered_load(log, load, 0).cost
    assert (found.source, found.reason) == ("rapl", None)
    assert found.power_w.value == pytest.approx(50, rel=0.01)
    samples = power_samples(log, "unit")
    assert set(samples["source"].to_pylist()) == {"rapl"}
    assert samples["power_w"].to_numpy().mean() == pytest.approx(50, rel=0.05)


def test_a_processor_has_rapl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "energy_uj").write_text("0")
    sensors = RaplSensors([Package(tmp_path, 1 << 40)])
    monkeypatch.setattr("moeprof.profiler.power.sensors.rapl_sensors", lambda: nullcontext(sensors))
    assert check_sensors(PROVENANCE) == "RAPL"


def test_a_gpu_is_recorded_by_its_uuid(simulate: fake.Simulate, tmp_path: Path) -> None:
    with simulate(TRACE), open_recorder(ON_GPU, tmp_path / "power.csv"):
        pass
    log = read_power_log(tmp_path / "power.csv")
    assert (log.sensor, log.gpu) == ("nvml", fake.UUID)
