"""The recorder reads in a thread of its own, and writes a log when it ends."""

import time
from pathlib import Path

import pytest

from moeprof.device.nvml import ENERGY
from moeprof.energy.power_log import read_power_log
from moeprof.profiler.power.sensor_recorder import SensorRecorder
from moeprof.store.errors import CannotMeasure
from moeprof.tests.fakenvml import fake

STEADY = [(0, 480e3, 40.0, 1755, 0), (1000, 480e3, 80.0, 1755, 0)]


def test_a_recording_runs_beside_its_caller(fake_library: Path, tmp_path: Path) -> None:
    fake.write_trace(tmp_path / "trace.csv", STEADY)
    with fake.simulated_gpu(fake_library, trace=tmp_path / "trace.csv"):
        with SensorRecorder(fake.UUID, tmp_path / "log.csv") as recorder:
            while sum(row[2] == ENERGY for row in recorder.rows()) < 5:
                time.sleep(0.01)
    log = read_power_log(tmp_path / "log.csv")
    assert log.simulated
    assert len(log.series(ENERGY).good()) >= 5
    begin_ns = log.series(ENERGY).begin_ns
    assert log.epoch_ns(begin_ns)[-1] - time.time_ns() == pytest.approx(
        begin_ns[-1] - time.monotonic_ns(), abs=60e9
    )


def test_an_unknown_gpu_cannot_be_recorded(simulate: fake.Simulate, tmp_path: Path) -> None:
    with simulate(STEADY), pytest.raises(CannotMeasure, match="GPU-none"):
        SensorRecorder("GPU-none", tmp_path / "log.csv").__enter__()
    assert not (tmp_path / "log.csv").exists()
