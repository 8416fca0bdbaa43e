"""Edges that a recorder, in a thread or a process, finds beside a thread that keeps Python busy.

The simulated NVML runs in real time. Its counter changes every 100 ms from the moment at which it
was initialised, so each change has a time that is known but for one constant.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moeprof.device.nvml import ENERGY
from moeprof.energy.counter import counter_edges
from moeprof.energy.power_log import read_power_log
from moeprof.profiler.host_clock import SYSTEM_CLOCK
from moeprof.profiler.power.device_sensors import nvml_sensors
from moeprof.profiler.power.sensor_log import write_log
from moeprof.profiler.power.sensor_reader import SensorReader
from moeprof.profiler.power.sensor_recorder import SensorRecorder
from moeprof.tests.fakenvml import fake

PERIOD_S = 0.1
_LEARNING_S = 0.5  # until the ticks are known
FLAT = [(0, 480e3, 40, 1700, 0), (999, 480e3, 40, 1700, 0)]


@dataclass(frozen=True)
class Found:
    """Share of the edges that were lost, and 95th percentile of the error of the others' times."""

    lost_pct: float
    off_p95_ms: float


def in_thread(path: Path, seconds: float) -> None:
    """Record for some seconds in a thread of this process."""
    stopped = threading.Event()
    with nvml_sensors(fake.UUID) as (header, sensors):
        reader = SensorReader(sensors, SYSTEM_CLOCK)
        thread = threading.Thread(target=reader.record, args=(stopped.is_set,))
        thread.start()
        time.sleep(seconds)
        stopped.set()
        thread.join()
    write_log(path, header, reader.rows)


def in_process(path: Path, seconds: float) -> None:
    """Record for some seconds as a sweep does."""
    with SensorRecorder() as recorder, recorder.record(fake.UUID, path):
        time.sleep(seconds)


def counting() -> None:
    """Pure Python, which lets go of the interpreter every 5 ms."""
    for _ in range(100_000):
        pass


def long_calls() -> None:
    """Calls into C that keep the interpreter for some 20 ms each."""
    sum(range(1_000_000))


@contextmanager
def busy(work: Callable[[], None] | None) -> Iterator[None]:
    """A thread of this process that does nothing but `work`; None for none."""
    ended = threading.Event()

    def run() -> None:
        while work is not None and not ended.is_set():
            work()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def found_edges(path: Path) -> Found:
    """Compare the edges of a log with those that were to be seen."""
    counter = read_power_log(path).series(ENERGY)
    begin_ns = counter.begin_ns[0] + _LEARNING_S * 1e9
    edges = counter_edges(counter).between(begin_ns, counter.end_ns[-1])
    expected = (counter.end_ns[-1] - begin_ns) / 1e9 / PERIOD_S
    if edges.are_wide or not len(edges):
        return Found(100.0, float("nan"))
    ticks = (edges.time_ns - edges.time_ns[0]) / (PERIOD_S * 1e9)
    off_ms = (ticks - ticks.round()) * PERIOD_S * 1e3
    off_ms -= np.median(off_ms)
    lost_pct = max(0.0, 100 * (1 - len(edges) / expected))
    return Found(lost_pct, float(np.percentile(np.abs(off_ms), 95)))
