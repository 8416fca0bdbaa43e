"""A GPU's settings are put back on every way out, SIGKILL among them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moeprof.profiler.settings.held import Settings, held
from moeprof.store.errors import BadInput, CannotMeasure
from moeprof.tests.fakenvml import fake
from moeprof.tests.profiler.settings.gpu_state import set_to

STEADY = [(0, 480e3, 40.0, 1755, 0), (10, 480e3, 40.0, 1755, 0)]
UNTOUCHED, SET = (1755, 700_000), (1200, 400_000)
BOTH = Settings(sm_clock_mhz=1200, power_limit_w=400)
PROGRAM = f"""
import sys
from moeprof.profiler.settings.held import Settings, held
with held({fake.UUID!r}, Settings(1200, 400)):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The file of what root has set."""
    return tmp_path / "set"


def until_put_back() -> None:
    """Wait for a process that nobody waits for; the test's own time limit bounds it."""
    while set_to() != UNTOUCHED:
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(), ""),
        (Settings(sm_clock_mhz=1200), "SM clock 1200 MHz"),
        (BOTH, "power limit 400 W, SM clock 1200 MHz"),
    ],
)
def test_settings_in_words(settings: Settings, words: str) -> None:
    assert str(settings) == words


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_inside_puts_them_back(
    simulate: fake.Simulate, root: Path, error: type[BaseException]
) -> None:
    with simulate(STEADY, root=root):
        with pytest.raises(error), held(fake.UUID, BOTH):
            fail_while_set(error)
        assert set_to() == UNTOUCHED


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_end_of_the_program_puts_them_back(
    simulate: fake.Simulate, root: Path, ending: signal.Signals
) -> None:
    with simulate(STEADY, root=root):
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert program.stdout is not None
        assert program.stdout.readline() == b"held\n"
        assert set_to() == SET
        program.send_signal(ending)
        program.communicate()
        until_put_back()


def test_a_holder_that_is_ended_puts_them_back_and_is_told_at_the_end(
    simulate: fake.Simulate, root: Path
) -> None:
    with (
        simulate(STEADY, root=root),
        pytest.raises(CannotMeasure, match="power limit 400 W, SM clock 1200 MHz was not held"),
        held(fake.UUID, BOTH),
    ):
        end_the_holder()


def test_what_the_gpu_refuses_is_refused_here(simulate: fake.Simulate, root: Path) -> None:
    with simulate(STEADY, root=root):
        with (
            pytest.raises(BadInput, match="no power limit of 900 W") as caught,
            held(fake.UUID, Settings(power_limit_w=900)),
        ):
            pass
        assert caught.value.hint == "it takes 200 to 700 W"
        with pytest.raises(CannotMeasure), held("GPU-of-nobody", BOTH):
            pass
        assert set_to() == UNTOUCHED


def fail_while_set(error: type[BaseException]) -> None:
    assert set_to() == SET
    raise error


def end_the_holder() -> None:
    (holder,) = children_of(os.getpid())
    os.kill(holder, signal.SIGTERM)
    until_put_back()
    os.waitid(os.P_PID, holder, os.WEXITED | os.WNOWAIT)


def children_of(parent: int) -> list[int]:
    """Processes whose parent is `parent`, field 4 of /proc/PID/stat, by its own account."""
    tasks = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]
