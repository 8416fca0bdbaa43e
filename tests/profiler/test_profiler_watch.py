"""A watch sees what goes on beside our own processes."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from moeprof.device import surroundings
from moeprof.device.surroundings import cpu_moment
from moeprof.profiler import watch
from moeprof.profiler.watch import NO_WATCH, BesideSweep, CpuWatch, look_around, watch_of
from moeprof.store.provenance import Gpu, Surroundings
from moeprof.tests.fake_clock import FakeClock
from moeprof.tests.fakenvml import fake

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
