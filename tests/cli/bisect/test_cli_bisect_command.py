"""`moeprof bisect`: what it prints and how it exits."""

from pathlib import Path

import pytest

from moeprof.pipeline.revisions import own_scenario
from moeprof.store.errors import CannotMeasure
from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.pipeline.revisions.histories import history, reader


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made = history(tmp_path / "repo", ["100", "100", "110", "110"])
    monkeypatch.chdir(tmp_path / "repo")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return made


def test_the_commit_is_named_with_its_probability_and_what_it_changed(
    moeprof: Moeprof, commits: list[str], tmp_path: Path
) -> None:
    result = moeprof("bisect", commits[0], commits[-1], "--", *reader(tmp_path / "count"))
    said = " ".join(result.stderr.split())
    assert result.exit_code == 0
    assert f"{commits[2][:10]} is the first commit with the change, with a probability" in said
    assert "change 2" in result.stdout
    assert "level | 2 +-" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_commits_that_cannot_be_told_apart_are_one_answer(
    moeprof: Moeprof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = history(tmp_path / "repo", ["100", "100", "broken", "110", "110"])
    monkeypatch.chdir(tmp_path / "repo")
    state = ("--state", tmp_path / "state")
    asked = (*state, "--", *reader(tmp_path / "count"))
    result = moeprof("bisect", commits[0], commits[-1], *asked)
    said = " ".join(result.stderr.split())
    assert result.exit_code == 0
    assert "one of 2 commits made the change" in said
    assert f"{commits[2][:10]} could not be read" in said
    assert "level |" not in result.stdout


def test_its_answer_is_json_for_a_program(
    moeprof: Moeprof, commits: list[str], tmp_path: Path
) -> None:
    words = ("bisect", commits[0], commits[-1], "--json", "--", *reader(tmp_path / "count"))
    result = moeprof(*words)
    assert result.data["schema"] == "moeprof.bisection/1.0"
    assert result.data["suspects"][0]["commit"] == commits[2]


def test_ends_that_are_alike_exit_with_4(
    moeprof: Moeprof, commits: list[str], tmp_path: Path
) -> None:
    result = moeprof("bisect", commits[0], commits[1], "--", *reader(tmp_path / "count"))
    assert result.exit_code == 4
    said = " ".join(result.stderr.split())
    assert "no difference between the ends: BAD is 1." in said
    assert "so many readings show a change of" in said


def test_a_plan_reads_the_ends_alone(moeprof: Moeprof, commits: list[str], tmp_path: Path) -> None:
    result = moeprof("bisect", commits[0], commits[-1], "--plan", "--", *reader(tmp_path / "count"))
    assert result.exit_code == 0
    assert "3 commits, a change of" in result.stdout
    assert "commits; one time in ten more than" in result.stdout
    assert int((tmp_path / "count").read_text()) == 8


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("", "nothing says what to read of a commit"),
        ("--ops op.py --op a", "nothing says what to read of a commit"),
        ("--op fc1 --batch-size 64", "--op fc1 alone is moeprof's own"),
        ("--op a -- true", "a command and --ops, --op or --batch-size were given"),
        ("--ops op.py --op a --batch-size 4 --metric noise", "--metric is 'noise'"),
        ("--error 0 -- true", "--error is 0"),
        ("--budget soon -- true", "'soon' is no duration"),
    ],
)
def test_what_is_not_said_well_is_refused(
    moeprof: Moeprof, commits: list[str], words: str, error: str
) -> None:
    result = moeprof("bisect", commits[0], commits[-1], *words.split())
    assert result.exit_code == 2
    assert result.errors[0].startswith(error)
    assert result.hint


def test_energy_without_a_sensor_is_refused_before_anything_is_read(
    moeprof: Moeprof, commits: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(provenance: object) -> str:
        raise CannotMeasure("there is no sensor", hint="buy one")

    monkeypatch.setattr(own_scenario, "check_sensors", none)
    words = "--ops op.py --op a --batch-size 4 --metric energy --state"
    result = moeprof("bisect", commits[0], commits[-1], *words.split(), tmp_path / "kept")
    assert (result.exit_code, result.errors[0]) == (3, "there is no sensor")
    assert not (tmp_path / "kept").exists()


def test_without_git_it_says_so(
    moeprof: Moeprof, commits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    result = moeprof("bisect", commits[0], commits[-1], "--", "true")
    assert (result.exit_code, result.errors[0]) == (2, "there is no git here")
