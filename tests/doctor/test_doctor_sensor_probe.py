"""The sensors of the simulated GPU under load, with a stand-in for the process that computes."""

from pathlib import Path

import pytest

from moeprof.device.nvml import ENERGY, POWER_INSTANT, TEMP_GPU
from moeprof.doctor.sensor_probe import probe_sensors, probe_under_load
from moeprof.profiler.process.line_process import ProcessEnded
from moeprof.store.errors import CannotMeasure
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.answering import ANSWER

STEADY = [(0, 480e3, 50.0, 1755, 0), (100, 480e3, 50.0, 1755, 0)]
STAND_IN = f"{ANSWER}answer({{'uuid': {fake.UUID!r}}}); sys.stdin.read()"


@pytest.fixture
def load(tmp_path: Path) -> Path:
    program = tmp_path / "load.py"
    program.write_text(STAND_IN)
    return program


def test_the_log_is_that_of_the_gpu_under_load(simulate: fake.Simulate, load: Path) -> None:
    with simulate(STEADY) as clock:
        log = probe_under_load("cuda:0", 0.3, load=load, clock=clock)
    assert log.gpu == fake.UUID
    assert log.simulated
    assert len(log.series(ENERGY).good()) >= 250


def test_it_reads_far_closer_than_the_ticks_and_all_that_a_recorder_reads(
    simulate: fake.Simulate,
) -> None:
    with simulate(STEADY) as clock:
        log = probe_sensors(fake.UUID, 2, clock)
    assert len(log.series(ENERGY)) == pytest.approx(2000, rel=0.1)
    assert len(log.series(POWER_INSTANT)) == pytest.approx(400, rel=0.1)
    assert len(log.series(TEMP_GPU)) == pytest.approx(20, abs=2)


def test_a_load_that_does_not_run_is_reported_with_its_last_output(load: Path) -> None:
    load.write_text("raise SystemExit('no kernel image is available')")
    with pytest.raises(ProcessEnded, match="no kernel image"):
        probe_under_load("cuda:0", 0.3, load=load)


def test_a_gpu_in_mig_mode_is_refused(simulate: fake.Simulate, load: Path) -> None:
    with simulate(STEADY, mig=1) as clock, pytest.raises(CannotMeasure, match="MIG"):
        probe_under_load("cuda:0", 0.3, load=load, clock=clock)
