"""A watch sees what goes on beside our own processes."""

import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from dataclasses import replace

import pytest

from moeprof.device import surroundings
from moeprof.device.cpu_time import CpuTimes
from moeprof.device.surroundings import CpuMoment, cpu_moment
from moeprof.profiler import watch
from moeprof.profiler.watch import NO_WATCH, BesideSweep, CpuWatch, look_around, watch_of
from moeprof.store.provenance import Gpu, Surroundings
from moeprof.tests.fake_clock import FakeClock
from moeprof.tests.fakenvml import fake
from moeprof.tests.quiet_machine import quiet_moment

STEADY = [(0, 90e3, 30.0, 1755, 0), (100, 90e3, 30.0, 1755, 0)]
GPU = Gpu(0, "H200 (simulated)", fake.UUID, None, None, None, None, None, None, None)
BUSY = "print(flush=True)\nwhile True: pass"


@pytest.fixture
def busy_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give the id of a process of this machine that keeps a core busy; it is really looked at."""
    monkeypatch.setattr(surroundings, "cpu_moment", cpu_moment)
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_a_process_is_one_of_the_others_unless_it_is_ours(busy_process: int) -> None:
    """It takes the same time in both, whatever else this machine does meanwhile."""
    others, ours = CpuWatch().begin(), CpuWatch().begin([busy_process])
    time.sleep(0.5)
    seen, without = others(), ours()
    assert seen is not None
    assert without is not None
    if seen.other_cores is not None and without.other_cores is not None:
        assert seen.other_cores > without.other_cores


class Machine:
    """Two cores that others keep busy from one second on; its clock is set by a test."""

    def __init__(self, busy_from_s: float) -> None:
        self.now_s = 0.0
        self._busy_from_s = busy_from_s

    def moment(self, pids: Collection[int]) -> CpuMoment:
        busy_s = max(0.0, self.now_s - self._busy_from_s)
        times = CpuTimes(2 * self.now_s, 2 * busy_s)
        return replace(quiet_moment(pids), time_s=self.now_s, cores=(0, 1), times=times)

    def others_in(self, watch: CpuWatch, begin_s: float, end_s: float) -> float | None:
        self.now_s = begin_s
        look = watch.begin([7])
        self.now_s = end_s
        seen = look()
        assert seen is not None
        return seen.other_cores


def test_short_looks_reach_back_until_there_are_ticks_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine, watch = Machine(busy_from_s=10.0), CpuWatch()
    monkeypatch.setattr(surroundings, "cpu_moment", machine.moment)
    assert machine.others_in(watch, 9.0, 9.02) is None  # the first has nothing to reach back to
    assert machine.others_in(watch, 9.75, 9.77) == 0  # reaches back to 9.0
    assert machine.others_in(watch, 10.1, 10.12) == pytest.approx(2 * 0.12 / 0.37, abs=1e-3)
    assert machine.others_in(watch, 10.4, 10.9) == 2  # long enough by itself


def test_a_look_at_other_processes_does_not_reach_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they had taken before is not known."""
    machine, watch = Machine(busy_from_s=10.0), CpuWatch()
    monkeypatch.setattr(surroundings, "cpu_moment", machine.moment)
    watch.begin([1])
    assert machine.others_in(watch, 9.75, 9.77) is None


def test_a_gpu_is_watched_by_nvml(simulate: fake.Simulate) -> None:
    with simulate(STEADY, processes="41@0", utilization=50), watch_of(GPU) as seeing:
        before = seeing.begin()()
        assert before == Surroundings(gpu_processes=1, gpu_busy=0.5)
        assert seeing.begin([1234])() == Surroundings(gpu_processes=0)  # the 41 is our script


@pytest.mark.parametrize("uuid", [fake.UUID, "GPU-of-a-slice"])
def test_in_mig_mode_nothing_is_seen(simulate: fake.Simulate, uuid: str) -> None:
    slice_of = Gpu(0, "a slice", uuid, None, None, None, None, None, None, None)
    with simulate(STEADY, mig=1, processes="41@0"), watch_of(slice_of) as seeing:
        assert look_around(seeing, FakeClock()) is None


def test_without_nvml_nothing_is_seen_of_a_gpu(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlInit=9"), watch_of(GPU) as seeing:
        assert seeing is NO_WATCH


def test_beside_another_sweep_everything_says_so() -> None:
    assert BesideSweep(NO_WATCH).begin()() == Surroundings(beside_sweep=True)
    seen = BesideSweep(CpuWatch()).begin()()
    assert seen is not None
    assert seen.beside_sweep
    assert seen.cores


def test_a_look_takes_a_moment_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 0.5)
    clock = FakeClock()
    look_around(NO_WATCH, clock)
    assert clock.monotonic_ns() >= 0.5e9
