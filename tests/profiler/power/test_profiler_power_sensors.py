"""Which sensors a device has; and a processor's packages recorded as a GPU's sensors are."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.device.rapl import Package
from moeprof.device.rapl_sensors import RaplSensors
from moeprof.energy.per_launch import metered_load
from moeprof.energy.power_log import read_power_log
from moeprof.energy.power_samples import power_samples
from moeprof.profiler.power import sensors as meters
from moeprof.profiler.power.sensors import check_sensors, open_recorder
from moeprof.store.errors import CannotMeasure
from moeprof.store.provenance import Gpu
from moeprof.store.recording import Load
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


def test_without_a_counter_it_has_power_readings(simulate: fake.Simulate) -> None:
    with simulate(TRACE, errors=f"{COUNTER}=3"):
        assert check_sensors(ON_GPU).startswith("NVML's power readings")


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        (f"{COUNTER}=4", "NVML refused permission"),
        (f"{COUNTER}=3,field186=3", "does not support the energy counter"),
        (f"{COUNTER}=13,nvmlDeviceGetFieldValues=13", "too old to have the energy counter"),
        (f"{COUNTER}=15", "the GPU was lost"),
        ("nvmlInit=9", "NVML is unavailable"),
        ("nvmlDeviceGetCount=15", "NVML cannot describe the GPUs"),
    ],
)
def test_what_cannot_be_read_is_said_before_anything_runs(
    simulate: fake.Simulate, errors: str, reason: str
) -> None:
    with simulate(TRACE, errors=errors), pytest.raises(CannotMeasure, match=reason):
        check_sensors(ON_GPU)


def test_a_gpu_in_mig_mode_is_refused(simulate: fake.Simulate) -> None:
    with simulate(TRACE, mig=1), pytest.raises(CannotMeasure, match="MIG mode"):
        check_sensors(ON_GPU)


@pytest.fixture
def busy_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package at 50 W whose counter moves each 10 ms, as long as the test runs."""
    folder = tmp_path / "package"
    folder.mkdir()
    began_s, stopped = time.monotonic(), threading.Event()

    def count() -> None:
        while not stopped.wait(0.01):
            joules = 50 * (time.monotonic() - began_s)
            (folder / "next").write_text(str(int(joules * 1e6)))
            (folder / "next").rename(folder / "energy_uj")

    (folder / "energy_uj").write_text("0")
    thread = threading.Thread(target=count)
    thread.start()

    @contextmanager
    def sensors() -> Iterator[RaplSensors]:
        yield RaplSensors([Package(folder, 1 << 40)])

    monkeypatch.setattr(meters, "rapl_sensors", sensors)
    yield
    stopped.set()
    thread.join()


@pytest.mark.usefixtures("busy_package")
def test_a_processor_has_its_packages_recorded_as_a_power_log(tmp_path: Path) -> None:
    assert check_sensors(PROVENANCE) == "RAPL"
    begin_ns = time.monotonic_ns()
    with open_recorder(PROVENANCE, tmp_path / "power.csv") as metering:
        time.sleep(1.5)
        assert metering.rows()
    log = read_power_log(tmp_path / "power.csv")
    assert (log.sensor, log.simulated) == ("rapl", False)
    load = Load("operation", "key", 0, (begin_ns, time.monotonic_ns()), (0, 1000))
    found = metered_load(log, load, 0).cost
    samples = power_samples(log, "unit")
    assert set(samples["source"].to_pylist()) == {"rapl"}
    assert samples["power_w"].to_numpy().mean() == pytest.approx(50, rel=0.1)
    if found.reason is None:  # this host may have been too busy for ten calm ticks
        assert found.source == "rapl"
        assert found.power_w.value == pytest.approx(50, rel=0.05)
