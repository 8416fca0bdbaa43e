"""Whether the commit that is checked out costs more than a reference: one step of `git bisect`."""

import math
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np

from ..compare.bisection.spikes import is_spike
from ..stats.change_point import Readings
from ..stats.sequential import Difference, difference
from ..store.document import MOST_BYTES
from ..store.errors import BadInput
from ..store.files import read_bytes
from .bisect.evidence import evidence
from .measure.progress import SILENT, RunProgress
from .revisions.machine import fingerprint
from .revisions.reading import Question, Unreadable, build, read
from .revisions.readings_log import Reading, ReadingsLog, held
from .revisions.repository import Commit, Repository, Worktrees

_SPENT: Final = "the budget was spent before a verdict"
_FIRST: Final = 8  # readings of both sides together
_LOGGED: Final = re.compile(r"^# (bad|good): \[([0-9a-f]{40,64})\]", re.MULTILINE)


class Checked(StrEnum):
    """What is known of the present commit; each has the exit code that `git bisect run` takes."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """0, 1, or 125, by which git skips the commit."""
        return {Checked.GOOD: 0, Checked.BAD: 1}.get(self, 125)


@dataclass(frozen=True, slots=True)
class CheckedCommit:
    """The verdict on a commit, its log ratio to the reference where both were read, and why."""

    verdict: Checked
    commit: str
    found: Difference | None
    reason: str


def check(
    against: str,
    question: Question,
    *,
    state: Path,
    error: float = 0.05,
    min_effect: float = 0.01,
    may_drift: bool = True,
    budget_s: float | None = None,
    folder: Path | None = None,
    progress: RunProgress = SILENT,
) -> CheckedCommit:
    """Compare the present checkout with the commit `against` by readings in turns.

    It is bad where the evidence that the two differ exceeds the number of steps over `error`, so
    that all steps of a bisection together err that seldom; it is good where the interval at that
    confidence ends below `min_effect`. Both are read in folders below `state`; without a build the
    checkout is read as it lies there. A commit that cannot be built or read is unknown.

    Raises BadInput where `against` cannot be read.
    """
    end_s = math.inf if budget_s is None else time.monotonic() + budget_s
    repository = Repository(folder or Path.cwd())
    commits = (repository.resolve(against), repository.resolve("HEAD"))
    alpha = error / _steps(repository)
    with held(state := state.absolute()):
        sides = _Sides(repository, commits, question, state)
        while True:
            try:
                sides.read_next(end_s)
            except Unreadable as why:
                reason = str(why) if time.monotonic() < end_s else _SPENT
                return CheckedCommit(Checked.UNKNOWN, commits[1].sha, None, reason)
            found = sides.difference(may_drift)
            verdict = _verdict(found, alpha, min_effect)
            if found is not None:
                progress.notice(f"{sides.count} readings: {math.expm1(found.step):+.2%}")
            if verdict is not None:
                return CheckedCommit(verdict, commits[1].sha, found, f"at {alpha:.2%} a step")
            if time.monotonic() >= end_s:
                return CheckedCommit(Checked.UNKNOWN, commits[1].sha, found, _SPENT)


class _Sides:
    """Readings of a reference and of the present checkout, in turns."""

    def __init__(
        self,
        repository: Repository,
        commits: tuple[Commit, Commit],
        question: Question,
        state: Path,
    ) -> None:
        self._commits, self._question, self._here = commits, question, repository.folder
        self._prefix, self._trees = repository.prefix(), Worktrees(repository, state)
        self._log, self._machine = ReadingsLog(state, question.text()), fingerprint()
        self._session = self._log.next_session
        self.count = 0

    def read_next(self, end_s: float) -> None:
        """Read the side whose turn it is, until `end_s`. Raises Unreadable where that fails."""
        side = (0, 1, 1, 0)[self.count % 4]
        commit = self._commits[side]
        folder = self._folder(side)
        try:
            build(folder, self._question, end_s)
            value = read(folder, self._question, end_s)
        except Unreadable as why:
            if side or time.monotonic() >= end_s:
                raise
            raise BadInput(
                f"the reference {commit.short} cannot be read: {why}", hint="name another"
            ) from why
        utc = datetime.now(UTC).isoformat(timespec="seconds")
        one = Reading(commit.sha, commit.tree, self._machine, self._session, utc, value)
        self._log.add(one)
        self.count += 1

    def _folder(self, side: int) -> Path:
        """Where a side is read: the checkout itself, unless it is still to be built."""
        if side and self._question.build is None:
            return self._here
        return self._trees.check_out(self._commits[side]) / self._prefix

    def difference(self, may_drift: bool) -> Difference | None:
        """How the two compare by all of their readings in sessions of both; None with too few."""
        if self.count < _FIRST:
            return None
        readings = evidence(self._log, self._commits, self._machine).readings
        kept = ~is_spike(readings)
        readings = Readings(readings.commits[kept], readings.logs[kept], readings.sessions[kept])
        shared = np.intersect1d(*(readings.sessions[readings.commits == one] for one in (0, 1)))
        chosen = np.isin(readings.sessions, shared)
        is_new = readings.commits[chosen].astype(np.float64)
        return difference(
            is_new, readings.logs[chosen], readings.sessions[chosen], may_drift=may_drift
        )


def _verdict(found: Difference | None, alpha: float, min_effect: float) -> Checked | None:
    if found is None:
        return None
    if found.step + found.half_width(1 - alpha) < min_effect:
        return Checked.GOOD
    if found.log_evidence > math.log(1 / alpha) and found.step > 0:
        return Checked.BAD
    return None


def _steps(repository: Repository) -> int:
    """How many steps a `git bisect` under way takes from its first ends; 1 outside of one."""
    path = repository.git_folder() / "BISECT_LOG"
    try:
        ends = _LOGGED.findall(read_bytes(path, MOST_BYTES).decode(errors="replace"))
    except BadInput:
        return 1
    first = {kind: sha for kind, sha in reversed(ends)}
    if len(first) < 2:
        return 1
    return max(math.ceil(math.log2(max(repository.count(first["good"], first["bad"]), 2))), 1)
