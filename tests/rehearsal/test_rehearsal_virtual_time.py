"""The time of a rehearsal: waits cost none of the real one, and it stands still for real work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from moeprof.tests.rehearsal.virtual_time.server import START_S, ClockServer

_ROOT = Path(__file__).resolve().parents[2]
SITE = os.pathsep.join(map(str, (_ROOT / "tests" / "rehearsal" / "site", _ROOT / ".path")))


def under_clock(folder: Path, program: str) -> str:
    environment = {**os.environ, "PYTHONPATH": SITE, "REHEARSAL_CLOCK": str(folder)}
    command = [sys.executable, "-P", "-c", program]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_an_hour_of_sleep_passes_at_once(tmp_path: Path) -> None:
    with ClockServer(tmp_path) as clock:
        under_clock(tmp_path, "import time; time.sleep(3600)")
        assert clock.now_s == pytest.approx(START_S + 3600, abs=0.01)


def test_real_work_takes_no_time(tmp_path: Path) -> None:
    with ClockServer(tmp_path) as clock:
        under_clock(tmp_path, "sum(range(10**6)); import subprocess; subprocess.run(['true'])")
        assert clock.now_s == START_S


def test_two_processes_wait_side_by_side(tmp_path: Path) -> None:
    """Each sees the time of its own end, in whatever order the machine ran them."""
    program = (
        "import subprocess, sys, time\n"
        "code = 'import time; time.sleep(2); print(time.monotonic())'\n"
        "other = [sys.executable, '-P', '-c', code]\n"
        "child = subprocess.Popen(other, stdout=subprocess.PIPE, text=True)\n"
        "time.sleep(5)\n"
        "print(child.communicate()[0].strip(), time.monotonic())\n"
    )
    with ClockServer(tmp_path):
        ends_s = [float(word) - START_S for word in under_clock(tmp_path, program).split()]
    assert ends_s == pytest.approx([2, 5], abs=0.01)


def test_no_time_passes_for_one_that_computes_between_short_sleeps(tmp_path: Path) -> None:
    """Also where it asks to sleep while the server looks at what the other one does."""
    course = (
        "import time\n"
        "longest_s = 0\n"
        "for _ in range(400):\n"
        "    time.sleep({step_s})\n"
        "    begin_s = time.monotonic()\n"
        "    sum(range(500))\n"
        "    longest_s = max(longest_s, time.monotonic() - begin_s)\n"
        "print(longest_s)\n"
    )
    program = (
        "import subprocess, sys\n"
        f"code = {course.format(step_s=0.0013)!r}\n"
        "other = [sys.executable, '-P', '-c', code]\n"
        "child = subprocess.Popen(other, stdout=subprocess.PIPE, text=True)\n"
        f"{course.format(step_s=0.001)}"
        "print(child.communicate()[0])\n"
    )
    with ClockServer(tmp_path):
        longest_s = [float(word) for word in under_clock(tmp_path, program).split()]
    assert longest_s == pytest.approx([0, 0], abs=1e-5)


def test_a_poll_that_nobody_answers_ends_at_its_timeout(tmp_path: Path) -> None:
    program = (
        "import os, select, time\n"
        "poll = select.poll()\n"
        "poll.register(os.pipe()[0], select.POLLIN)\n"
        "print(poll.poll(60_000), time.monotonic())\n"
    )
    with ClockServer(tmp_path):
        ready, end_s = under_clock(tmp_path, program).split()
    assert ready == "[]"
    assert float(end_s) == pytest.approx(START_S + 60, abs=0.01)
