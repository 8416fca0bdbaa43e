"""A machine that does nothing else: tests run beside each other, and must not tell of it."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import pytest

from moeprof.device import cpu, surroundings
from moeprof.device.cpu_time import CpuTimes
from moeprof.device.surroundings import CpuMoment
from moeprof.profiler import watch


def quiet_moment(pids: Collection[int]) -> CpuMoment:
    """A moment of a machine whose processors were never busy."""
    now_s, cores = time.monotonic(), cpu.cores()
    times = CpuTimes(now_s * len(cores), 0.0)
    return CpuMoment(now_s, cores, times, 0.0, None, None, 0.0, (), None)


@contextmanager
def quiet_machine() -> Iterator[None]:
    """Let this process see such a machine, at a glance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surroundings, "cpu_moment", quiet_moment)
        patch.setattr(watch, "LOOK_S", 0.0)
        yield
