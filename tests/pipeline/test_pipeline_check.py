"""The oracle of `git bisect run`, on a real repository whose commits print seeded numbers."""

from pathlib import Path

import pytest

from moeprof.compare.bisection.decision import Rules
from moeprof.pipeline.check import Checked, CheckedCommit, check
from moeprof.pipeline.revisions.reading import Question
from moeprof.store.errors import BadInput
from moeprof.tests.pipeline.revisions.histories import git, history, reader


def checked(
    folder: Path, levels: list[str], build: str | None = None, budget_s: float | None = None
) -> CheckedCommit:
    """Check the last commit of a history against its first."""
    commits = history(folder / "repo", levels)
    question = Question(reader(folder / "count"), None, build, 60.0)
    state, repo = folder / "state", folder / "repo"
    rules = Rules(min_effect=0.02)
    return check(commits[0], question, state=state, rules=rules, budget_s=budget_s, folder=repo)


@pytest.mark.parametrize(
    ("last", "verdict", "code"),
    [("100", Checked.GOOD, 0), ("104", Checked.BAD, 1), ("broken", Checked.UNKNOWN, 125)],
)
def test_the_present_commit_is_good_bad_or_unknown(
    tmp_path: Path, last: str, verdict: Checked, code: int
) -> None:
    found = checked(tmp_path, ["100", last])
    assert (found.verdict, found.verdict.exit_code) == (verdict, code)


def test_an_improved_commit_is_good(tmp_path: Path) -> None:
    assert checked(tmp_path, ["100", "90"]).verdict is Checked.GOOD


def test_a_spent_budget_is_unknown(tmp_path: Path) -> None:
    found = checked(tmp_path, ["100", "100"], budget_s=1e-9)
    assert (found.verdict, found.reason) == (
        Checked.UNKNOWN,
        "the budget was spent before a verdict",
    )


def test_a_reference_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"the reference .* cannot be read"):
        checked(tmp_path, ["broken", "100"])


def test_a_build_never_writes_into_the_checkout(tmp_path: Path) -> None:
    assert checked(tmp_path, ["100", "104"], build="touch built").verdict is Checked.BAD
    assert not (tmp_path / "repo" / "built").exists()
    assert git(tmp_path / "repo", "status", "--porcelain") == ""


def test_the_effect_has_an_interval_and_the_readings_are_counted(tmp_path: Path) -> None:
    found = checked(tmp_path, ["100", "104"])
    assert found.effect is not None
    assert found.effect.lo < 1.04 < found.effect.hi < 1.1
    assert found.readings >= 8


def test_a_commit_with_the_files_of_the_reference_is_good_without_a_reading(tmp_path: Path) -> None:
    commits = history(tmp_path / "repo", ["100"])
    question = Question(("false",), None, None, 60.0)
    found = check(commits[0], question, state=tmp_path / "state", folder=tmp_path / "repo")
    assert (found.verdict, found.readings) == (Checked.GOOD, 0)


def test_changes_that_no_commit_holds_are_read_under_a_name_of_their_own(tmp_path: Path) -> None:
    assert checked(tmp_path, ["100", "100"]).verdict is Checked.GOOD
    (tmp_path / "repo" / "level").write_text("110\n")
    question = Question(reader(tmp_path / "count"), None, None, 60.0)
    found = check(
        "HEAD~1",
        question,
        state=tmp_path / "state",
        rules=Rules(min_effect=0.02),
        folder=tmp_path / "repo",
    )
    assert found.verdict is Checked.BAD
    assert "+" in found.commit
