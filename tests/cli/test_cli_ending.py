"""A signal that asks for an end interrupts a command; the exit code says which."""

import signal
from collections.abc import Iterator

import pytest

from moeprof.cli.ending import Ending, Interrupted

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    """Let no signal be ignored from birth, and restore what handled it."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in CODES}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", CODES)
def test_a_signal_interrupts(number: signal.Signals) -> None:
    ending = Ending()
    ending.heed()
    assert ending.exit_code is None
    with pytest.raises(Interrupted):
        signal.raise_signal(number)
    assert ending.exit_code == CODES[number]


def test_a_signal_right_after_another_does_not_stop_the_tidying() -> None:
    ending = Ending()
    ending.heed()
    with pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGTERM)
    assert ending.exit_code == CODES[signal.SIGHUP]


def test_a_signal_that_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ending = Ending()
    ending.heed()
    signal.raise_signal(signal.SIGHUP)
    assert ending.exit_code is None


def test_at_the_end_no_signal_changes_the_exit_code() -> None:
    ending = Ending()
    ending.heed()
    ending.ignore()
    signal.raise_signal(signal.SIGINT)
    assert ending.exit_code is None
