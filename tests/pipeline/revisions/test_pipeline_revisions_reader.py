"""A reader of commits: each in a folder of its own, and every reading kept."""

from pathlib import Path

import pytest

from moeprof.pipeline.revisions.reader import Reader
from moeprof.pipeline.revisions.reading import Question, Unreadable
from moeprof.pipeline.revisions.repository import Repository
from moeprof.tests.pipeline.revisions.histories import git, history, reader

HEAD = "HEAD"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    history(tmp_path / "repo", ["100", "104"])
    return tmp_path


def opened(folder: Path, subfolder: str = "") -> Reader:
    question = Question(reader(folder / "count", noise=0.0), None, None, 60.0)
    return Reader(Repository(folder / "repo" / subfolder), question, folder / "state")


def test_a_value_is_kept_with_its_commit_tree_machine_and_session(folder: Path) -> None:
    one = opened(folder)
    commit = one.repository.resolve("HEAD~1")
    assert one.read(commit) == 100.0
    (kept,) = opened(folder).log.readings
    assert (kept.commit, kept.tree, kept.value) == (commit.sha, commit.tree, 100.0)
    assert (kept.machine, kept.session) == (one.machine, one.session)


def test_each_reader_is_a_session(folder: Path) -> None:
    first = opened(folder)
    first.read(first.repository.resolve(HEAD))
    assert opened(folder).session == first.session + 1


def test_a_folder_of_the_checkout_is_read_where_it_is_named(folder: Path) -> None:
    (folder / "repo" / "level").write_text("300\n")
    one = opened(folder)
    present = one.repository.as_it_lies(one.repository.resolve(HEAD))
    assert one.read(present, folder=folder / "repo") == 300.0
    assert one.log.readings[0].commit == present.sha


def test_what_cannot_be_read_is_kept_when_it_is_given_up(folder: Path) -> None:
    one = opened(folder)
    one.give_up(one.repository.resolve(HEAD), "no build")
    (kept,) = opened(folder).log.readings
    assert (kept.value, kept.reason) == (None, "no build")


def test_a_commit_without_the_present_folder_cannot_be_read(folder: Path) -> None:
    (folder / "repo" / "sub").mkdir()
    (folder / "repo" / "sub" / "file").write_text("")
    git(folder / "repo", "add", ".")
    git(folder / "repo", "commit", "--quiet", "-m", "a folder")
    one = opened(folder, "sub")
    with pytest.raises(Unreadable, match="it has no folder sub/"):
        one.read(one.repository.resolve("HEAD~1"))
    assert not one.log.readings
