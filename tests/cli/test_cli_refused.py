"""Files of another user: one sentence that names the file, and a hint that helps."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from moeprof.tests.cli.command_line import Moeprof

NOBODY = 65534
READERS = ("parse", "build-model", "validate", "report", "show", "profile --resume")


@contextmanager
def another_user() -> Iterator[None]:
    """Be a user who owns nothing; root becomes one, and others are not root anyway."""
    root = os.geteuid() == 0
    if root:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
            os.setegid(0)


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A folder that every user may look into."""
    opened = [path for path in (tmp_path, *tmp_path.parents) if path.owner() == tmp_path.owner()]
    modes = {path: path.stat().st_mode for path in opened}
    for path in opened:
        path.chmod(0o755 if modes[path] & 0o777 == 0o700 else modes[path] & 0o7777)
    yield tmp_path
    for path, mode in modes.items():
        path.chmod(mode & 0o7777)


@pytest.mark.parametrize("words", READERS)
@pytest.mark.parametrize("closed", ["store", "store/run"])
def test_a_folder_that_may_not_be_read_is_said_to_be_so(
    moeprof: Moeprof, built_run: Path, shared: Path, words: str, closed: str
) -> None:
    run = shared / "store" / "run"
    run.parent.mkdir()
    shutil.move(built_run, run)
    moeprof(*words.split(), run)  # imports what this user may read and the other may not
    (shared / closed).chmod(0o000)
    try:
        with another_user():
            named = moeprof(*words.split(), run)
            latest = moeprof(*words.split(), "--store", shared / "store")
    finally:
        (shared / closed).chmod(0o755)
    for result in (named, latest):
        assert result.exit_code == 2
        (error,) = result.errors
        assert error.startswith(f"cannot read {shared / closed}")
        assert error.endswith("permission denied")
        assert "let it be read" in result.hint


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("parse", "plan.json"),
        ("show", "kernel_cost_model.json"),
        ("report", "tables/points.parquet"),
        ("report", "kernel_cost_model.json"),
    ],
)
def test_a_file_that_may_not_be_read_is_not_to_be_made_anew(
    moeprof: Moeprof, built_run: Path, shared: Path, words: str, name: str
) -> None:
    run = shared / "run"
    shutil.move(built_run, run)
    moeprof(words, run)
    (run / name).chmod(0o000)
    with another_user():
        result = moeprof(words, run)
    assert result.exit_code == 2
    assert result.errors == [f"cannot read {run / name}: permission denied"]
    assert "let it be read" in result.hint
