"""A process of moeprof ends with the right code, also when it is asked to while it begins."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SLOW = ("doctor",)  # some ten seconds


def wait_for_code(delay_s: float, number: signal.Signals, folder: Path) -> tuple[int, str]:
    """Start moeprof, send a signal a while after it heeds them; give its exit code and stderr."""
    child = subprocess.Popen(
        [sys.executable, "-m", "moeprof", *SLOW],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed,
    )
    while not catches(child.pid, signal.SIGTERM):
        time.sleep(0.01)
    time.sleep(delay_s)
    child.send_signal(number)
    _, stderr = child.communicate(timeout=60)
    return child.returncode, stderr


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal (SigCgt in proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


def heed() -> None:
    """Let no signal be ignored from birth, as in a job in the background."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(
            number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("delay_s", [0.0, 1.0])
def test_a_signal_at_any_moment_is_told_in_one_sentence(
    number: signal.Signals, code: int, delay_s: float, tmp_path: Path
) -> None:
    ended, stderr = wait_for_code(delay_s, number, tmp_path)
    assert ended == code
    assert "Traceback" not in stderr
    assert stderr.splitlines()[-1].startswith("interrupted")


def test_a_folder_that_was_removed_is_refused(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f'rmdir "{gone}"; exec "{sys.executable}" -m moeprof scenario'
    ended = subprocess.run(
        ["bash", "-c", line], cwd=gone, env=os.environ, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 2
    assert "error: the present folder cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr
