"""Where readings stay: one folder for each repository and question."""

from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.revisions.reading import Question
from moeprof.pipeline.revisions.repository import Repository
from moeprof.pipeline.revisions.state import state_folder
from moeprof.store.errors import BadInput
from moeprof.tests.pipeline.revisions.histories import history

QUESTION = Question(("true",), None, None, 1.0)


def test_each_question_has_a_folder_below_the_users_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    history(tmp_path / "repo", ["1"])
    repository = Repository(tmp_path / "repo")
    one = state_folder(repository, QUESTION)
    assert one.parent == tmp_path / "state" / "moeprof" / "readings"
    assert state_folder(repository, QUESTION) == one
    assert state_folder(repository, replace(QUESTION, value="a")) != one


def test_a_user_without_a_home_names_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setenv("HOME", "nowhere")
    with pytest.raises(BadInput, match="no home folder"):
        state_folder(Repository(Path.cwd()), QUESTION)
