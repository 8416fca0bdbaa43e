"""`moeprof check` under `git bisect run`: no failure of it reads as a bad commit."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import moeprof.pipeline.check as stage
from moeprof.store.errors import BadInput, CannotMeasure
from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.pipeline.revisions.histories import git, history, reader

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made = history(tmp_path / "repo", ["100", "100", "110", "110", "110"])
    monkeypatch.chdir(tmp_path / "repo")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return made


def test_git_bisect_run_finds_the_commit(commits: list[str], tmp_path: Path) -> None:
    oracle = [sys.executable, "-m", "moeprof", "check", "--against-ref", commits[0]]
    asked = ["--min-effect", "5", "--no-drift", "--", *reader(tmp_path / "count")]
    git(tmp_path / "repo", "bisect", "start", commits[-1], commits[0])
    done = subprocess.run(
        ["git", "bisect", "run", *oracle, *asked],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / ".path")},
    )
    assert done.returncode == 0, done.stderr
    assert f"{commits[2]} is the first bad commit" in done.stdout


def test_a_verdict_tells_the_change_with_its_interval(
    moeprof: Moeprof, commits: list[str], tmp_path: Path
) -> None:
    asked = ("--min-effect", "5", "--", *reader(tmp_path / "count"))
    result = moeprof("check", "--against-ref", commits[0], *asked)
    said = " ".join(result.stderr.split())
    assert result.exit_code == 1
    assert re.search(rf"bad: {commits[-1][:10]}: 1\.\d+ \(1\.\d+ to 1\.\d+\) times", said)
    assert re.search(r"\d+ readings, wrong in 5\.00% of such steps", said)


def test_a_patched_checkout_is_named_so(
    moeprof: Moeprof, commits: list[str], tmp_path: Path
) -> None:
    (tmp_path / "repo" / "level").write_text("200\n")
    words = ("check", "--against-ref", commits[0], "--", *reader(tmp_path / "count"))
    result = moeprof(*words)
    assert result.exit_code == 1
    assert "with changes that no commit holds: 2.0" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "raised",
    [
        BadInput("no"),
        CannotMeasure("no"),
        ValueError("a fault"),
        RecursionError(),
        MemoryError(),
        OSError(5, "no", "file"),
        SystemExit(1),
        SystemExit("text"),
        SystemExit(2),
        BaseException("of a library"),
    ],
    ids=repr,
)
def test_every_failure_is_129(
    moeprof: Moeprof,
    commits: list[str],
    monkeypatch: pytest.MonkeyPatch,
    raised: BaseException,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(stage, "check", fails)
    for words in (["check"], ["--debug", "check"]):
        assert moeprof(*words, "--against-ref", commits[0], "--", "true").exit_code == 129


@pytest.mark.parametrize(
    "words",
    ["", "--against-ref", "--against-ref main", "--no-such-option", "--against-ref none -- true"],
)
def test_a_usage_error_is_129(moeprof: Moeprof, commits: list[str], words: str) -> None:
    assert moeprof("check", *words.split()).exit_code == 129


def test_an_interrupt_stops_git_too(
    moeprof: Moeprof, commits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stage, "check", interrupted)
    assert moeprof("check", "--against-ref", "main", "--", "true").exit_code == 130


def test_an_import_that_fails_is_129(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise RuntimeError('broken')")
    done = subprocess.run(
        [sys.executable, "-c", "from moeprof.cli.start import main; main()", "check"],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT / '.path'}"},
    )
    assert done.returncode == 129
