"""Processes run to their end, or for a limited time."""

import sys
from pathlib import Path

import pytest

from moeprof.profiler.process.run import run


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_a_finished_process_has_its_exit_code_and_its_output() -> None:
    said = run(
        python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), timeout_s=30
    )
    assert (said.exit_code, said.stdout, said.last_words) == (3, "out\n", "err")


def test_the_time_limit_ends_a_process_and_its_children() -> None:
    child = "import os, time; os.fork(); time.sleep(600)"
    assert run(python(child), timeout_s=0.2).exit_code is None  # else their output stays open


def test_a_command_that_does_not_exist() -> None:
    with pytest.raises(OSError, match="no-such-command"):
        run(["no-such-command"], timeout_s=5)


def test_kept_descriptors_stay_open_in_the_child(tmp_path: Path) -> None:
    with (tmp_path / "kept").open("w") as kept:
        fd = kept.fileno()
        run(python(f"import os; os.write({fd}, b'mine')"), timeout_s=30, kept_fds=[fd])
    assert (tmp_path / "kept").read_text() == "mine"
