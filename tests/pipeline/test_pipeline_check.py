"""The oracle of `git bisect run`, on a real repository whose commits print seeded numbers."""

from pathlib import Path

import pytest

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
    return check(commits[0], question, state=state, min_effect=0.02, budget_s=budget_s, folder=repo)


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
