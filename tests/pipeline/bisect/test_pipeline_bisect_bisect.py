"""A bisection of a real repository whose commits print seeded numbers."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from moeprof.pipeline.bisect.bisect import Question, Rules, bisect, plan_bisection
from moeprof.store.errors import BadInput
from moeprof.store.verdicts.bisection import Bisection, Outcome
from moeprof.tests.pipeline.revisions.histories import READER, git, history, reader

RULES = Rules(may_drift=False)


class Repo:
    """A repository, the state of its bisections, and how its commits are read."""

    def __init__(self, folder: Path, levels: list[str]) -> None:
        self.folder, self.state, self.count = folder / "repo", folder / "state", folder / "count"
        self.commits = history(self.folder, levels)
        self.question = Question(reader(self.count), None, None, 60.0)

    def bisect(self, rules: Rules = RULES, budget_s: float | None = None) -> Bisection:
        return bisect(
            self.commits[0],
            self.commits[-1],
            self.question,
            state=self.state,
            rules=rules,
            budget_s=budget_s,
            folder=self.folder,
        )


def test_the_commit_that_made_it_worse_is_found(tmp_path: Path) -> None:
    repo = Repo(tmp_path, ["100"] * 5 + ["110"] * 3)
    found = repo.bisect()
    assert found.outcome is Outcome.FOUND
    assert found.suspects[0].commit == repo.commits[5]
    assert found.effect is not None
    assert found.effect.lo < 1.1 < found.effect.hi
    assert found.stat is not None
    assert "change 5" in found.stat
    assert found.readings == int(repo.count.read_text())


def test_a_second_start_reads_nothing_that_is_known(tmp_path: Path) -> None:
    repo = Repo(tmp_path, ["100"] * 2 + ["110"] * 3)
    first = repo.bisect()
    second = repo.bisect()
    new = second.readings - first.readings
    assert second.suspects[0].commit == repo.commits[2]
    assert second.reused == first.readings
    assert new <= 2  # each end once, for the level of the new session


def test_readings_of_another_machine_do_not_count(tmp_path: Path) -> None:
    repo = Repo(tmp_path, ["100"] * 2 + ["110"] * 2)
    first = repo.bisect()
    log = repo.state / "readings.jsonl"
    head, *lines = log.read_text().splitlines()
    moved = [json.dumps(json.loads(line) | {"machine": "another"}) for line in lines]
    log.write_text("\n".join([head, *moved]) + "\n")
    again = repo.bisect()
    assert (again.reused, again.readings) == (0, first.readings)


def test_ends_that_are_alike_say_so_and_what_could_be_seen(tmp_path: Path) -> None:
    found = Repo(tmp_path, ["100"] * 4).bisect()
    assert (found.outcome, found.suspects) == (Outcome.NO_DIFFERENCE, ())
    assert found.detectable is not None
    assert 0 < found.detectable < 0.02
    assert found.outcome.exit_code == 4


def test_a_commit_that_cannot_be_read_is_named_with_its_reason(tmp_path: Path) -> None:
    repo = Repo(tmp_path, ["100", "100", "broken", "110", "110"])
    found = repo.bisect()
    assert found.outcome is Outcome.FOUND
    assert {one.commit for one in found.suspects} == set(repo.commits[2:4])
    (lost,) = found.not_read
    assert lost.commit == repo.commits[2]
    assert "no build" in lost.reason


@pytest.mark.parametrize("at", [0, -1])
def test_an_end_that_cannot_be_read_is_refused(tmp_path: Path, at: int) -> None:
    levels = ["100", "100", "110"]
    levels[at] = "broken"
    with pytest.raises(BadInput, match="cannot be read"):
        Repo(tmp_path, levels).bisect()


def test_a_metric_that_improved_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the metric improved"):
        Repo(tmp_path, ["110", "100"]).bisect()


def test_a_spent_budget_gives_what_is_known_and_a_later_start_goes_on(tmp_path: Path) -> None:
    repo = Repo(tmp_path, ["100"] * 5 + ["110"] * 3)
    assert repo.bisect(budget_s=1e-9).outcome is Outcome.BUDGET
    assert repo.bisect().outcome is Outcome.FOUND


def test_the_users_checkout_is_not_touched(tmp_path: Path) -> None:
    repo = Repo(tmp_path, ["100", "100", "110"])
    (repo.folder / "level").write_text("a change of mine")
    before = (git(repo.folder, "rev-parse", "HEAD"), git(repo.folder, "status", "--porcelain"))
    assert repo.bisect().suspects[0].commit == repo.commits[2]
    after = (git(repo.folder, "rev-parse", "HEAD"), git(repo.folder, "status", "--porcelain"))
    assert after == before
    assert git(repo.folder, "worktree", "list").count("\n") == 0


def test_a_commit_of_the_same_tree_needs_no_new_readings(tmp_path: Path) -> None:
    """As after a rebase, which gives each commit another name."""
    repo = Repo(tmp_path, ["100", "100", "110"])
    first = repo.bisect()
    git(repo.folder, "commit", "--quiet", "--amend", "-m", "another name")
    repo.commits[-1] = git(repo.folder, "rev-parse", "HEAD")
    assert repo.bisect().reused == first.readings


def test_a_plan_says_how_many_readings_and_takes_the_first_ones(tmp_path: Path) -> None:
    repo = Repo(tmp_path, ["100"] * 6 + ["105"] * 6)
    planned = plan_bisection(
        repo.commits[0],
        repo.commits[-1],
        repo.question,
        state=repo.state,
        rules=RULES,
        folder=repo.folder,
    )
    assert int(repo.count.read_text()) == 8
    assert planned.commits == 11
    assert planned.noise == pytest.approx(0.005, rel=0.8)
    assert planned.effect == pytest.approx(0.05, abs=0.02)
    found = repo.bisect()
    assert found.reused == 8
    assert found.readings < 3 * planned.expected.readings


def test_a_question_with_another_command_has_readings_of_its_own(tmp_path: Path) -> None:
    repo = Repo(tmp_path, ["100", "110"])
    repo.bisect()
    repo.question = replace(repo.question, build="true")
    with pytest.raises(BadInput, match="of another question"):
        repo.bisect()


def test_a_budget_ends_a_command_that_does_not_end(tmp_path: Path) -> None:
    repo = Repo(tmp_path, ["100", "110"])
    forever = (sys.executable, "-c", "import time; time.sleep(600)")
    repo.question = Question(forever, None, None, 600.0)
    found = repo.bisect(budget_s=1.0)
    assert (found.outcome, found.readings, found.not_read) == (Outcome.BUDGET, 0, ())


def test_spikes_are_counted_and_left_out(tmp_path: Path) -> None:
    repo = Repo(tmp_path, ["100"] * 3 + ["110"] * 3)
    spiked = f"{READER.rstrip()[:-1]} * (2 if number % 7 == 3 else 1))"
    command = (sys.executable, "-c", spiked, *reader(repo.count)[-2:])
    repo.question = Question(command, None, None, 60.0)
    found = repo.bisect()
    assert found.suspects[0].commit == repo.commits[3]
    assert found.spikes >= 1
    assert found.readings < 60


def test_a_state_folder_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repo(tmp_path, ["100", "110"])
    monkeypatch.chdir(tmp_path)
    repo.state = Path("here")
    assert repo.bisect().suspects[0].commit == repo.commits[1]
