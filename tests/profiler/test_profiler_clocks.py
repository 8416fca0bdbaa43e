"""Locked clocks are let go on every way out."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from moeprof.device.nvml import SM_CLOCK, Sensors, nvml
from moeprof.profiler.clocks import locked_sm_clock
from moeprof.store.errors import BadInput, CannotMeasure
from moeprof.tests.fakenvml import fake

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
STEADY = [(0, 480e3, 40.0, 1755, 0), (10, 480e3, 40.0, 1755, 0)]


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    """A job in the background, as these tests may be one, ignores some signals from its birth."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def sm_clock_mhz() -> int | None:
    with nvml() as library:
        (reading,) = Sensors(library, fake.UUID).sm_clock()
    assert reading.name == SM_CLOCK
    return reading.value


def test_the_clock_is_held_inside_and_let_go_after(simulate: fake.Simulate) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with simulate(STEADY, root=1):
        with locked_sm_clock(fake.UUID, 1200):
            assert sm_clock_mhz() == 1200
        assert sm_clock_mhz() == 1755
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_inside_lets_it_go(simulate: fake.Simulate, error: type[BaseException]) -> None:
    with simulate(STEADY, root=1):
        with pytest.raises(error), locked_sm_clock(fake.UUID, 1200):
            raise error
        assert sm_clock_mhz() == 1755


@pytest.mark.parametrize("ending", ENDING)
def test_a_signal_lets_it_go_and_ends_the_program(
    simulate: fake.Simulate, ending: signal.Signals
) -> None:
    before = signal.getsignal(ending)
    with simulate(STEADY, root=1):
        with pytest.raises(SystemExit) as ended, locked_sm_clock(fake.UUID, 1200):
            signal.raise_signal(ending)
        assert ended.value.code == 128 + ending
        assert sm_clock_mhz() == 1755
    assert signal.getsignal(ending) is before


def close_session() -> None:
    try:
        signal.raise_signal(signal.SIGHUP)
    finally:
        signal.raise_signal(signal.SIGTERM)


def test_a_second_signal_does_not_stop_the_letting_go(simulate: fake.Simulate) -> None:
    with simulate(STEADY, root=1):
        with pytest.raises(SystemExit, match="129"), locked_sm_clock(fake.UUID, 1200):
            close_session()
        assert sm_clock_mhz() == 1755


def test_a_signal_right_after_the_lock_lets_it_go(
    simulate: fake.Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pynvml

    lock = pynvml.nvmlDeviceSetGpuLockedClocks

    def lock_and_end(*asked: Any) -> None:
        lock(*asked)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(pynvml, "nvmlDeviceSetGpuLockedClocks", lock_and_end)
    with simulate(STEADY, root=1):
        with pytest.raises(SystemExit):
            locked_sm_clock(fake.UUID, 1200).__enter__()
        assert sm_clock_mhz() == 1755


def test_a_signal_that_is_ignored_stays_so(simulate: fake.Simulate) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with simulate(STEADY, root=1), locked_sm_clock(fake.UUID, 1200):
            signal.raise_signal(signal.SIGHUP)
            assert sm_clock_mhz() == 1200
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_clock_that_the_gpu_lacks_is_refused(simulate: fake.Simulate) -> None:
    with simulate(STEADY, root=1), pytest.raises(BadInput, match="no SM clock of 5000 MHz"):
        locked_sm_clock(fake.UUID, 5000).__enter__()


def test_without_permission_it_says_so_and_changes_nothing(simulate: fake.Simulate) -> None:
    with simulate(STEADY):
        with pytest.raises(CannotMeasure, match="cannot be locked") as caught:
            locked_sm_clock(fake.UUID, 1200).__enter__()
        assert "root" in caught.value.hint
        assert sm_clock_mhz() == 1755
