"""The thread: snapshots for readers that never wait, and its end in every way."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from moeprof.device.nvml import TEMP_GPU, Reading
from moeprof.router.adaptive import Monitor
from moeprof.router.monitor.monitor import GpuSystemMonitor
from moeprof.router.monitor.snapshot import MonitorState
from moeprof.router.monitor.source import Device, NoSensors, Pace, Round, Row
from moeprof.store.errors import BadInput, CannotMeasure
from moeprof.tests.fakenvml import fake
from moeprof.tests.router.forked import fork
from moeprof.tests.router.monitor.watching import STEADY

LONG_S = 60.0  # a test gives up then


class Stepped:
    """A source of a round for each call of `step`, which returns once its snapshot is there."""

    device = Device("some GPU (simulated)")

    def __init__(self) -> None:
        self.renew()
        self.temp_c = 0
        self.is_over = False

    def renew(self) -> None:
        """In a forked process: the thread that is not there may hold the locks."""
        self._wanted, self._taken = threading.Semaphore(0), threading.Semaphore(0)

    def rounds(self, pace: Pace) -> Iterator[Round]:
        while not pace.wait_until(0):
            while not self._wanted.acquire(timeout=0.01):
                if pace.wait_until(0):
                    return
            if self.is_over:
                self._taken.release()
                return
            now_ns = pace.now_ns()
            self.temp_c += 1
            yield [Row(now_ns, now_ns, Reading(TEMP_GPU, 0, self.temp_c))]
            self._taken.release()

    def step(self) -> None:
        self._wanted.release()
        assert self._taken.acquire(timeout=LONG_S)


def threads() -> list[threading.Thread]:
    """Those of monitors."""
    return [thread for thread in threading.enumerate() if thread.name == "moeprof-monitor"]


def test_a_reader_has_the_last_snapshot_and_the_history() -> None:
    source = Stepped()
    monitor = GpuSystemMonitor(source, history=3)
    assert monitor.snapshot().state is MonitorState.STOPPED
    with monitor:
        assert monitor.snapshot().state is MonitorState.STARTING
        for _ in range(4):
            source.step()
        assert monitor.snapshot() is monitor.history()[-1]
        assert [seen.temp_c for seen in monitor.history()] == [2, 3, 4]
    assert monitor.snapshot().state is MonitorState.STOPPED
    assert monitor.snapshot().temp_c == 4


def test_readers_wait_for_no_sensor(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Stepped()
    with GpuSystemMonitor(source) as monitor:
        source.step()
        seen = monitor.snapshot()  # while the source waits for a step, as a slow call would
        assert seen.state is MonitorState.WATCHING
        monkeypatch.setattr("time.monotonic", lambda: seen.at_s + 2)
        silent = monitor.snapshot()
        monkeypatch.undo()
    assert (silent.state, silent.since_s, silent.temp_c) == (MonitorState.SILENT, seen.at_s, 1)


def test_readers_in_threads_see_whole_snapshots_in_order() -> None:
    source = Stepped()
    torn: list[tuple[float, ...]] = []
    done = threading.Event()

    def read(monitor: GpuSystemMonitor) -> None:
        while not done.is_set():
            time.sleep(0.001)
            temps = [seen.temp_c for seen in monitor.history() if seen.temp_c is not None]
            if temps != sorted(set(temps)):
                torn.append(tuple(temps))

    with GpuSystemMonitor(source, history=20) as monitor:
        readers = [threading.Thread(target=read, args=(monitor,)) for _ in range(3)]
        for reader in readers:
            reader.start()
        for _ in range(100):
            source.step()
        done.set()
        for reader in readers:
            reader.join()
    assert torn == []


def test_a_recording_that_ends_says_so() -> None:
    source = Stepped()
    with GpuSystemMonitor(source) as monitor:
        source.step()
        source.is_over = True
        source.step()
        for thread in threads():
            thread.join(LONG_S)
        assert monitor.snapshot().state is MonitorState.ENDED
        assert monitor.snapshot().temp_c == 1


def test_a_monitor_is_started_once_and_again_after_a_stop() -> None:
    source = Stepped()
    monitor = GpuSystemMonitor(source).start()
    assert monitor.start() is monitor
    assert len(threads()) == 1
    source.step()
    monitor.stop()
    monitor.stop()
    assert threads() == []
    with monitor:
        source.step()
        assert monitor.snapshot().state is MonitorState.WATCHING


def test_without_a_gpu_the_monitor_says_so(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlInit=9"):
        with GpuSystemMonitor.of_gpu() as monitor:
            seen = monitor.snapshot()
        with pytest.raises(CannotMeasure, match="driver"):
            GpuSystemMonitor.of_gpu(fake.UUID)
    assert seen.state is MonitorState.ABSENT
    assert "NVML is unavailable" in str(seen.reason)
    assert monitor.snapshot() is seen


def test_a_monitor_without_sensors_has_no_thread() -> None:
    with GpuSystemMonitor(NoSensors("routed on a CPU")) as monitor:
        assert threads() == []
        assert monitor.snapshot().reason == "routed on a CPU"


def test_a_history_of_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="history is 0"):
        GpuSystemMonitor(NoSensors(""), history=0)


def test_a_forked_process_says_that_it_has_no_thread() -> None:
    source = Stepped()
    with GpuSystemMonitor(source) as monitor:
        source.step()
        child = fork()
        if not child:  # every failure here is exit code 1 of the child
            code = 1
            try:
                seen = monitor.snapshot()
                assert (seen.state, seen.temp_c) == (MonitorState.FORKED, 1)
                monitor.stop()
                assert monitor.snapshot().state is MonitorState.FORKED
                source.renew()
                monitor.start()
                source.step()
                assert monitor.snapshot().state is MonitorState.WATCHING
                monitor.stop()
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert monitor.snapshot().state is MonitorState.WATCHING


@pytest.mark.parametrize("call_ms", [0, 600_000])
def test_the_interpreter_ends_while_the_sensors_are_read(
    fake_library: Path, tmp_path: Path, call_ms: int
) -> None:
    """Also while a call of NVML hangs: this process would hang with it."""
    fake.write_trace(tmp_path / "trace.csv", STEADY)
    script = f"""
import os, time
from moeprof.router.monitor import monitor, nvml_source
monitor.JOIN_S = 0.1
watching = monitor.GpuSystemMonitor(nvml_source.NvmlSource({fake.UUID!r}, "a GPU"))
watching.start()
while {call_ms} == 0 and watching.snapshot().state != "watching":
    time.sleep(0.01)
print(watching.snapshot().state)
"""
    variables = {
        "LD_LIBRARY_PATH": fake_library.parent,
        "FAKENVML_TRACE": tmp_path / "trace.csv",
        "FAKENVML_CALL_MS": call_ms,
    }
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {name: str(value) for name, value in variables.items()},
        capture_output=True,
        text=True,
        timeout=LONG_S,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == ("watching\n" if call_ms == 0 else "starting\n")


def test_the_router_takes_the_pressures_of_a_monitor() -> None:
    """That mypy accepts it is half of the test."""
    source = Stepped()
    with GpuSystemMonitor(source) as monitor:
        source.step()
        asked: Monitor = monitor
        assert asked.snapshot().thermal_pressure is None


def test_a_monitor_is_thin() -> None:
    """It runs inside a server: what only other parts need is not imported, NVML when it is used."""
    heavy = {"torch", "pandas", "scipy", "pyarrow", "pynvml"}
    script = f"import sys, moeprof.router.monitor.monitor; print({heavy} & {{*sys.modules}})"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.stdout == "set()\n"
