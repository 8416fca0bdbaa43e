"""A power log, replayed at its own speed."""

from pathlib import Path

import pytest

from moeprof.device.nvml import ENERGY, NvmlCode, Sensors, nvml
from moeprof.energy.faults import Fault
from moeprof.profiler.power.device_sensors import header
from moeprof.profiler.power.sensor_log import write_log
from moeprof.profiler.power.sensor_reader import SensorReader
from moeprof.router.monitor.recording_source import RecordingSource
from moeprof.router.monitor.snapshot import MonitorState, Snapshot
from moeprof.store.errors import BadInput
from moeprof.store.provenance import EnergySource
from moeprof.tests.fakenvml import fake
from moeprof.tests.router.monitor.watching import at, watch

STEP = [(0, 200e3, 50.5, 1755, 0), (4, 200e3, 50.5, 1755, 0), (4.001, 500e3, 50.5, 1755, 4)]
STEP += [(9, 500e3, 60.5, 1755, 4)]


def replayed(simulate: fake.Simulate, folder: Path, **settings: object) -> list[Snapshot]:
    """Record eight seconds of STEP, and replay them from 100 s on."""
    with simulate(STEP, **settings) as clock:
        with nvml() as library:
            reader = SensorReader(Sensors(library, fake.UUID), clock)
            reader.record(clock.reached(8))
        write_log(folder / "power.csv", header(fake.UUID), reader.rows)
    with simulate(STEP) as clock:
        clock.set_ns(100_000_000_000)
        return watch(clock, 120, RecordingSource(folder / "power.csv"))


def test_a_recording_gives_the_snapshots_of_its_gpu(
    simulate: fake.Simulate, tmp_path: Path
) -> None:
    seen = replayed(simulate, tmp_path)
    early, late = at(seen, 103.5), at(seen, 107)
    assert (early.power_reading, late.power_reading) == (ENERGY, ENERGY)
    assert early.power_w == pytest.approx(200, rel=0.01)
    assert late.power_w == pytest.approx(500, rel=0.01)
    assert late.throttle_reasons == ("power cap",)
    assert late.power_source == EnergySource.SIMULATED
    assert (late.sm_busy_pct, late.memory_used_bytes) == (None, None)
    assert seen[-1].state is MonitorState.ENDED
    assert seen[-1].since_s == pytest.approx(108, abs=0.2)
    assert seen[-1].power_w == seen[-2].power_w
    assert (seen[-2].power_pressure, seen[-1].power_pressure) == (1, None)


def test_a_gpu_that_was_lost_is_lost_again(simulate: fake.Simulate, tmp_path: Path) -> None:
    seen = replayed(simulate, tmp_path, errors=f"nvmlDevice={NvmlCode.GPU_IS_LOST}@2-4")
    assert at(seen, 103.5).state is MonitorState.LOST
    assert at(seen, 103.5).reason == Fault.GPU_LOST
    assert at(seen, 107).state is MonitorState.WATCHING


def test_a_file_that_is_no_power_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "power.csv").write_text("something else\n")
    with pytest.raises(BadInput, match="power log"):
        RecordingSource(tmp_path / "power.csv")


def test_a_log_of_clocks_alone_is_refused(tmp_path: Path) -> None:
    clocks = [(1, 2, "clock_epoch_ns", 0, 5), (1, 2, "clock_boot_ns", 0, 5)]
    named = {"schema": "moeprof.power_log/1.1", "gpu": "GPU-1", "name": "a GPU", "driver": None}
    write_log(tmp_path / "power.csv", named, clocks)
    with pytest.raises(BadInput, match="no reading of a sensor"):
        RecordingSource(tmp_path / "power.csv")
