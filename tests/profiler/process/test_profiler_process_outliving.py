"""A process that lives as long as the block, and as long after it as it needs."""

import os
import sys
from pathlib import Path

import pytest

from moeprof.profiler.process.line_process import ProcessEnded
from moeprof.profiler.process.outliving import outliving


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_its_first_line_is_given_and_it_ends_after_the_block(tmp_path: Path) -> None:
    undone = tmp_path / "undone"
    undo = f"open({str(undone)!r}, 'w')"
    program = f"import sys; print('done', flush=True); sys.stdin.read(); {undo}"
    with outliving(python(program), timeout_s=60) as line:
        assert line == "done\n"
        assert not undone.exists()
    assert undone.exists()


def test_one_that_fails_at_once_is_told_in_its_own_words() -> None:
    with (
        pytest.raises(ProcessEnded, match="exit code 1: no such GPU"),
        outliving(python("raise SystemExit('no such GPU')"), timeout_s=60),
    ):
        pass


def test_one_that_says_nothing_in_time_is_let_go() -> None:
    with (
        pytest.raises(ProcessEnded, match=r"no answer within 0\.2 s"),
        outliving(python("import sys; sys.stdin.read()"), timeout_s=0.2),
    ):
        pass


def test_one_that_ends_before_the_block_is_told() -> None:
    with (
        pytest.raises(ProcessEnded, match="exit code 3"),
        outliving(python("import sys; print(1, flush=True); sys.exit(3)"), timeout_s=60),
    ):
        wait_for_the_only_child()


def wait_for_the_only_child() -> None:
    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
