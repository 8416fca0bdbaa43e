"""The recorder reads in a process of its own; what becomes of it is the log, or a reason."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moeprof.device.nvml import ENERGY
from moeprof.energy.power_log import read_power_log
from moeprof.profiler.power.sensor_recorder import RecorderEnded, SensorRecorder
from moeprof.profiler.process.supervisor import descendants
from moeprof.store.errors import CannotMeasure
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.process.gone import is_gone

STEADY = [(0, 480e3, 40.0, 1755, 0), (1000, 480e3, 80.0, 1755, 0)]


@pytest.fixture
def gpu(fake_library: Path, tmp_path: Path) -> Iterator[None]:
    """A simulated GPU in real time."""
    fake.write_trace(tmp_path / "trace.csv", STEADY)
    with fake.simulated_gpu(fake_library, trace=tmp_path / "trace.csv"):
        yield


def wait_for(is_so: Callable[[], object]) -> None:
    end_s = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def energies(recorder: SensorRecorder) -> int:
    return sum(row[2] == ENERGY for row in recorder.rows())


def recording_process() -> int:
    """Id of the process that records for this one."""
    (pid,) = [
        pid for pid in descendants(os.getpid())
        if b"power.recording_process" in Path(f"/proc/{pid}/cmdline").read_bytes()
        and b"supervisor.py" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]  # fmt: skip
    return pid


@pytest.mark.usefixtures("gpu")
def test_one_process_records_one_log_after_the_other_beside_its_caller(tmp_path: Path) -> None:
    with SensorRecorder() as recorder:
        processes = set()
        for name in ("first.csv", "second.csv"):
            with recorder.record(fake.UUID, tmp_path / name):
                wait_for(lambda: energies(recorder) >= 5)
                processes.add(recording_process())
                assert recording_process() in recorder.processes
            log = read_power_log(tmp_path / name)
            assert log.simulated
            counter = log.series(ENERGY).good()
            assert len(counter) == energies(recorder)
            assert log.epoch_ns(counter.begin_ns)[-1] - time.time_ns() == pytest.approx(
                counter.begin_ns[-1] - time.monotonic_ns(), abs=60e9
            )
    assert len(processes) == 1
    assert all(is_gone(pid) for pid in processes)


def test_an_unknown_gpu_cannot_be_recorded_and_the_next_one_can(
    simulate: fake.Simulate, tmp_path: Path
) -> None:
    with simulate(STEADY), SensorRecorder() as recorder:
        with pytest.raises(CannotMeasure, match="GPU-none") as refusal:
            recorder.record("GPU-none", tmp_path / "none.csv").__enter__()
        with recorder.record(fake.UUID, tmp_path / "log.csv"):
            pass
    assert refusal.value.hint
    assert not (tmp_path / "none.csv").exists()
    assert read_power_log(tmp_path / "log.csv").gpu == fake.UUID


def record_and(recorder: SensorRecorder, path: Path, happens: Callable[[], object]) -> None:
    with recorder.record(fake.UUID, path):
        wait_for(lambda: energies(recorder) >= 5)
        happens()


def kill_recorder() -> None:
    os.kill(recording_process(), signal.SIGKILL)


@pytest.mark.usefixtures("gpu")
def test_a_recorder_that_dies_leaves_what_it_read_and_a_reason(tmp_path: Path) -> None:
    with SensorRecorder() as recorder:
        with pytest.raises(RecorderEnded, match="signal SIGKILL"):
            record_and(recorder, tmp_path / "died.csv", kill_recorder)
        record_and(recorder, tmp_path / "next.csv", lambda: None)
    assert len(read_power_log(tmp_path / "died.csv").series(ENERGY)) >= 5
    assert len(read_power_log(tmp_path / "next.csv").series(ENERGY)) >= 5


@pytest.mark.usefixtures("gpu")
def test_a_recorder_that_dies_between_two_logs_is_replaced(tmp_path: Path) -> None:
    with SensorRecorder() as recorder:
        with recorder.record(fake.UUID, tmp_path / "first.csv"):
            pass
        kill_recorder()
        record_and(recorder, tmp_path / "second.csv", lambda: None)
    assert len(read_power_log(tmp_path / "second.csv").series(ENERGY)) >= 5


@pytest.mark.usefixtures("gpu")
def test_an_error_of_the_load_is_not_hidden_by_one_of_the_recorder(tmp_path: Path) -> None:
    def fail() -> None:
        kill_recorder()
        raise ValueError("the load")

    with SensorRecorder() as recorder, pytest.raises(ValueError, match="the load"):
        record_and(recorder, tmp_path / "log.csv", fail)
    assert len(read_power_log(tmp_path / "log.csv").series(ENERGY)) >= 5


@pytest.mark.usefixtures("gpu")
def test_readings_that_do_not_arrive_are_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_readings() -> None:
        monkeypatch.setattr("os.pread", lambda *_: b"1,2,cut")

    with SensorRecorder() as recorder, pytest.raises(RecorderEnded, match="readings arrived"):
        record_and(recorder, tmp_path / "log.csv", lose_readings)


def test_it_does_not_start_without_an_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with SensorRecorder() as recorder, pytest.raises(CannotMeasure, match="does not start"):
        recorder.record(fake.UUID, tmp_path / "log.csv").__enter__()


RECORD = """
import sys, time
from pathlib import Path
from moeprof.profiler.power.sensor_recorder import SensorRecorder
with SensorRecorder() as recorder, recorder.record(sys.argv[1], Path(sys.argv[2])):
    print("recording", flush=True)
    time.sleep(600)
"""


@pytest.mark.usefixtures("gpu")
def test_it_ends_when_moeprof_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RECORD, fake.UUID, str(tmp_path / "log.csv")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as moeprof:
        assert moeprof.stdout is not None
        assert moeprof.stdout.readline() == "recording\n"
        started = [*descendants(moeprof.pid)]
        assert started
        moeprof.kill()
    assert all(is_gone(pid) for pid in started)
