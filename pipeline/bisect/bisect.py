"""Which commit between GOOD and BAD changed a metric: readings are taken until it is known."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final

from ...compare.bisection.decision import Decision, Phase, Rules, decide
from ...compare.bisection.expected import Expected, expected
from ...store.errors import BadInput
from ...store.verdicts.bisection import Bisection
from ..measure.progress import SILENT, RunProgress
from ..revisions.reader import Reader
from ..revisions.reading import Question, Unreadable
from ..revisions.readings_log import held
from ..revisions.repository import Commit, Repository
from .answer import answer
from .evidence import Evidence, evidence

__all__ = ["Bisection", "Question", "Rules", "bisect", "plan_bisection"]

_DEFAULT: Final = Rules()


@dataclass(frozen=True, slots=True)
class PlannedBisection:
    """How much a bisection of `commits` is going to take.

    `expected` is for a change of `effect` and a noise of `noise`, both of the log of a reading.
    """

    commits: int
    effect: float
    noise: float
    expected: Expected


class _Search:
    """Readings of the commits between two ends, and what they decide."""

    def __init__(
        self, repository: Repository, ends: tuple[str, str], question: Question, state: Path
    ) -> None:
        good, bad = map(repository.resolve, ends)
        self.commits = repository.line(good, bad)
        self.reader = Reader(repository, question, state)

    def evidence(self) -> Evidence:
        """What counts of the log."""
        return evidence(self.reader.log, self.commits, self.reader.machine)

    def decide(self, rules: Rules) -> Decision:
        """What the readings decide, with the present session as the last one."""
        seen = self.evidence()
        return decide(seen.readings, seen.history(), rules, self.reader.session)

    def read(self, place: int, end_s: float) -> float | None:
        """Read a commit, and keep the reading; None where it cannot be read, which is kept too.

        Nothing is kept where `end_s` comes first.
        """
        commit = self.commits[place]
        try:
            return self.reader.read(commit, end_s)
        except Unreadable as why:
            if time.monotonic() < end_s:
                if place in (0, len(self.commits) - 1):
                    raise BadInput(
                        f"{'BAD' if place else 'GOOD'} {commit.short} cannot be read: {why}",
                        hint=f"try the command in a checkout of {commit.short}",
                    ) from why
                self.reader.give_up(commit, str(why))
        return None


def bisect(
    good: str,
    bad: str,
    question: Question,
    *,
    state: Path,
    rules: Rules = _DEFAULT,
    budget_s: float | None = None,
    folder: Path | None = None,
    progress: RunProgress = SILENT,
) -> Bisection:
    """Find the commit between `good` and `bad` that made the metric of `question` worse.

    Commits are read in folders below `state`, where readings stay: the same call goes on after a
    kill. `folder` is in the repository; None for the present one. Raises BadInput where the ends
    are none, cannot be read, or where BAD is better than GOOD. After `budget_s` the answer is what
    is known by then.
    """
    end_s = inf if budget_s is None else time.monotonic() + budget_s
    repository = Repository(folder or Path.cwd())
    with held(state := state.absolute()):
        search = _Search(repository, (good, bad), question, state)
        reused = len(search.evidence().readings.commits)
        _say_where(search, reused, progress)
        try:
            decision = _decided(search, rules, end_s, progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("the same command goes on from its readings") from None
        if decision.phase is Phase.IMPROVED:
            raise _improved(search.commits, decision)
        seen = search.evidence()
        return answer(
            search.commits,
            seen,
            decision,
            question=question.text(),
            error=rules.error,
            reused=reused,
            stat=_stat(search, decision),
        )


def _stat(search: _Search, decision: Decision) -> str | None:
    """What the commit changed, where one alone was found."""
    if decision.phase is not Phase.FOUND or decision.suspects is None:
        return None
    first, last = decision.suspects
    return search.reader.repository.stat(search.commits[last]) if first == last else None


def plan_bisection(
    good: str,
    bad: str,
    question: Question,
    *,
    state: Path,
    rules: Rules = _DEFAULT,
    folder: Path | None = None,
    progress: RunProgress = SILENT,
) -> PlannedBisection:
    """Take the first readings of both ends, which a bisection needs anyway, and say what it takes.

    The change is taken to be what these readings show, and at least `rules.min_effect`. Raises
    BadInput as `bisect` does.
    """
    repository = Repository(folder or Path.cwd())
    with held(state := state.absolute()):
        search = _Search(repository, (good, bad), question, state)
        decision = search.decide(rules)
        while decision.ends is None and decision.commit is not None:
            _read(search, decision, inf, progress)
            decision = search.decide(rules)
    ends = decision.ends
    assert ends is not None
    noise = ends.standard_error * (ends.freedom + 2) ** 0.5 / 2
    effect = max(abs(ends.step), rules.min_effect)
    commits = len(search.commits)
    rest = expected(commits, effect, noise, ends.freedom, rules)
    return PlannedBisection(commits - 1, effect, noise, rest)


def _decided(search: _Search, rules: Rules, end_s: float, progress: RunProgress) -> Decision:
    """Read until the bisection or the time ends."""
    phase = None
    while True:
        decision = search.decide(rules)
        if decision.phase is not phase:
            phase = decision.phase
            progress.notice(_PHASES.get(phase, ""))
        if decision.commit is None or time.monotonic() >= end_s:
            return decision
        _read(search, decision, end_s, progress)


_PHASES: Final = {
    Phase.ENDS: "do the ends differ? They are read in turns",
    Phase.SEARCH: "they do; searching",
    Phase.VERIFY: "reading the likeliest commit against the one before it",
}


def _read(search: _Search, decision: Decision, end_s: float, progress: RunProgress) -> None:
    place = decision.commit
    assert place is not None
    commit = search.commits[place]
    value = search.read(place, end_s)
    if value is None and time.monotonic() >= end_s:
        return
    said = "cannot be read" if value is None else f"{value:.6g}"
    known = ""
    if decision.probability is not None and decision.suspects is not None:
        likeliest = search.commits[decision.suspects[1]]
        known = f"; {likeliest.short} has {decision.probability:.0%}"
    count = len(search.reader.log.readings)
    progress.notice(f"reading {count}: commit {place} {commit.short}: {said}{known}")


def _say_where(search: _Search, reused: int, progress: RunProgress) -> None:
    commits = len(search.commits) - 1
    progress.notice(f"{commits} commits after GOOD on the first-parent line; a merge counts as one")
    progress.notice(f"readings: {search.reader.log.path}")
    if reused:
        progress.notice(f"{reused} of them are of these commits and this machine, and count")
    if search.reader.repository.is_dirty():
        progress.notice("the checkout has changes that no commit holds; they are not read")


def _improved(commits: Sequence[Commit], decision: Decision) -> BadInput:
    assert decision.ends is not None
    return BadInput(
        f"BAD {commits[-1].short} is {-decision.ends.step:.1%} below GOOD {commits[0].short}: the"
        " metric improved",
        hint="name ends of which the later one is worse, or a command that prints the inverse",
    )
