"""The commit that is measured."""

import subprocess
from pathlib import Path

import pytest

from moeprof.profiler.git import head


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("one")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "file"], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def test_a_clean_checkout(checkout: Path) -> None:
    commit, dirty = head(checkout)
    assert commit is not None
    assert len(commit) == 40
    assert dirty is False


def test_a_changed_file_makes_it_dirty_and_an_untracked_one_does_not(checkout: Path) -> None:
    (checkout / "other").write_text("new")
    assert head(checkout)[1] is False
    (checkout / "file").write_text("two")
    assert head(checkout)[1] is True


def test_outside_a_checkout_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert head(tmp_path) == (None, None)


def test_without_git_nothing_is_known(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert head(checkout) == (None, None)
