"""Snapshots through a loss of the GPU, a driver that is gone, and a library with a fault."""

from collections.abc import Iterator

import pytest

from moeprof.energy.faults import Fault
from moeprof.router.monitor.nvml_source import NvmlSource
from moeprof.router.monitor.snapshot import MonitorState
from moeprof.router.monitor.source import Device, Pace, Round
from moeprof.tests.fakenvml import fake
from moeprof.tests.router.monitor.watching import STEADY, at, watch


def test_a_lost_gpu_says_since_when_and_comes_back(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlDevice=15@2-5") as clock:
        seen = watch(clock, 8)
    (since_s,) = {s.since_s for s in seen if s.state is MonitorState.LOST}
    assert since_s == pytest.approx(2, abs=0.25)
    first = next(s for s in seen if s.state is MonitorState.LOST)
    assert first.reason == Fault.GPU_LOST
    assert (first.power_w, first.temp_c, first.thermal_pressure) == (None, None, None)
    assert f"cannot open GPU {fake.UUID}" in str(at(seen, 4.9).reason)
    back = seen[-1]
    assert (back.state, back.reason) == (MonitorState.WATCHING, None)
    assert 5 < back.since_s < 6.5
    assert back.power_w == pytest.approx(300, rel=0.02)


def test_a_driver_that_is_unloaded_is_a_loss(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlDevice=1@2-4,nvmlInit=9@2-4") as clock:
        seen = watch(clock, 6)
    assert "driver" in str(at(seen, 3.9).reason)
    assert seen[-1].state is MonitorState.WATCHING


def test_one_sensor_that_fails_is_no_loss(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlDeviceGetTemperatureV=15") as clock:
        seen = watch(clock, 2)[-1]
    assert (seen.state, seen.temp_c) == (MonitorState.WATCHING, None)


class Faulty:
    """A source whose library fails with an error that nobody expects."""

    device = Device("some GPU")

    def rounds(self, pace: Pace) -> Iterator[Round]:
        yield from ()
        raise ZeroDivisionError("in the binding")


def test_a_fault_of_a_library_is_a_loss_and_is_tried_again(simulate: fake.Simulate) -> None:
    with simulate(STEADY) as clock:
        seen = watch(clock, 3.5, Faulty())
    assert [s.state for s in seen] == [MonitorState.LOST] * 4
    assert {s.reason for s in seen} == {"ZeroDivisionError: in the binding"}
    assert {s.since_s for s in seen} == {seen[0].at_s}


def test_a_gpu_that_is_not_there_at_first_is_watched_when_it_is(simulate: fake.Simulate) -> None:
    with simulate(STEADY, errors="nvmlInit=9@0-1.5") as clock:
        seen = watch(clock, 3, NvmlSource(fake.UUID, "a GPU (simulated)"))
    assert seen[0].state is MonitorState.LOST
    assert seen[-1].state is MonitorState.WATCHING
