"""Two commits in turns: their folders, builds and readings; the user's checkout stays as it is.

Readings are seeded numbers that a stand-in for the process of one reading prints.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from moeprof.pipeline.compare import revisions
from moeprof.pipeline.compare.revisions import RevisionOptions, compare_revisions
from moeprof.store.errors import BadInput, CannotMeasure
from moeprof.store.verdicts.comparison import Change

# Prints 100 us times the factor in a file of its commit, with noise.
READING = """
import json, pathlib, random
factor = float(pathlib.Path("factor").read_text())
value = 100 * factor * (1 + random.Random().gauss(0, 1e-4))
print(json.dumps([{"metric": "latency", "unit": "us", "op": "fc1", "curve": "fc1-fp32",
                   "tokens": 8, "value": value}]))
"""


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=n", "-c", "user.email=a@example.com")
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of three commits: the second changes nothing, the third is 20 % slower."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for subject, factor in (("first", 1.0), ("nothing", 1.0), ("slow", 1.2)):
        (folder / "factor").write_text(str(factor))
        (folder / "subject").write_text(subject)
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", subject)
    script = str(tmp_path / "reading.py")
    Path(script).write_text(READING)
    monkeypatch.setattr(revisions, "command", lambda *_: (sys.executable, "-I", "-S", script))
    return folder


LOOK = (("status", "--porcelain"), ("rev-parse", "HEAD"), ("worktree", "list"))
OPTIONS = RevisionOptions(ops="ops.py", budget_s=60.0)


def test_a_slower_commit_is_found_and_the_checkout_is_not_touched(repository: Path) -> None:
    before = [git(repository, *words) for words in LOOK]
    found = compare_revisions("HEAD~1", "HEAD", OPTIONS, folder=repository).comparison
    assert (found.kind, found.verdict) == ("revisions", Change.REGRESSION)
    assert found.ops[0].change == pytest.approx(1.2, abs=0.01)
    assert found.new.endswith("(slow)")
    assert before == [git(repository, *words) for words in LOOK]


def test_commits_that_cost_the_same_are_unchanged(repository: Path) -> None:
    found = compare_revisions("HEAD~2", "HEAD~1", OPTIONS, folder=repository)
    assert found.comparison.verdict is Change.UNCHANGED
    assert found.comparison.remarks == ("10 readings of each commit, in turns",)


def test_changes_that_no_commit_holds_are_told(repository: Path) -> None:
    (repository / "factor").write_text("9")
    found = compare_revisions("HEAD~2", "HEAD~1", OPTIONS, folder=repository)
    assert "they are not measured" in found.warnings[0]


def test_a_commit_that_cannot_be_built_or_read_is_named(repository: Path) -> None:
    failing = RevisionOptions(ops="ops.py", build="echo no compiler; exit 1")
    with pytest.raises(CannotMeasure, match="cannot be measured: the build ended with 1"):
        compare_revisions("HEAD~1", "HEAD", failing, folder=repository)
    breaking = RevisionOptions(ops="ops.py", build="rm factor")
    with pytest.raises(CannotMeasure, match="FileNotFoundError"):
        compare_revisions("HEAD~1", "HEAD", breaking, folder=repository)


def test_what_is_no_revision_is_refused(repository: Path) -> None:
    with pytest.raises(BadInput, match="names no commit"):
        compare_revisions("HEAD~9", "HEAD", OPTIONS, folder=repository)
