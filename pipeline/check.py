"""Whether the commit that is checked out costs more than a reference: one step of `git bisect`."""

import math
import re
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np

from ..compare.bisection.decision import Rules
from ..compare.bisection.spikes import is_spike
from ..stats.change_point import Readings
from ..stats.sequential import Difference, difference
from ..store.document import MOST_BYTES
from ..store.errors import BadInput
from ..store.files import read_bytes
from ..store.verdicts.bisection import Effect
from .bisect.answer import effect_of
from .bisect.evidence import evidence
from .measure.progress import SILENT, RunProgress
from .revisions.reader import Reader
from .revisions.reading import Question, Unreadable
from .revisions.readings_log import held
from .revisions.repository import Commit, Repository

_DEFAULT: Final = Rules()
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
    """The verdict on a commit, its ratio to the reference where both were read, and why.

    `readings` of both sides were taken for this verdict.
    """

    verdict: Checked
    commit: str
    effect: Effect | None
    readings: int
    reason: str


def check(
    against: str,
    question: Question,
    *,
    state: Path,
    rules: Rules = _DEFAULT,
    budget_s: float | None = None,
    folder: Path | None = None,
    progress: RunProgress = SILENT,
) -> CheckedCommit:
    """Compare the present checkout with the commit `against` by readings in turns.

    It is bad where the evidence that the two differ exceeds the number of steps over
    `rules.error`, so that all steps of a bisection together err that seldom; it is good where the
    interval at that confidence ends below `rules.min_effect`. Both are read in folders below
    `state`; without a build the checkout is read as it lies there. A commit that cannot be built or
    read is unknown.

    Raises BadInput where `against` cannot be read.
    """
    end_s = math.inf if budget_s is None else time.monotonic() + budget_s
    repository = Repository(folder or Path.cwd())
    reference, present = repository.resolve(against), repository.resolve("HEAD")
    if question.build is None:
        present = repository.as_it_lies(present)
    if present.tree == reference.tree:
        return CheckedCommit(
            Checked.GOOD, present.sha, None, 0, "it has the files of the reference"
        )
    rules = replace(rules, error=rules.error / _steps(repository))
    with held(state := state.absolute()):
        sides = _Sides(Reader(repository, question, state), reference, present)
        verdict, found, reason = _read(sides, rules, end_s, progress)
    return CheckedCommit(verdict, present.sha, effect_of(found), sides.count, reason)


def _read(
    sides: "_Sides", rules: Rules, end_s: float, progress: RunProgress
) -> tuple[Checked, Difference | None, str]:
    """Read both sides until they are known to differ or not; give how they differ, and why so."""
    found = None
    while True:
        try:
            sides.read_next(end_s)
        except Unreadable as why:
            return Checked.UNKNOWN, found, str(why) if time.monotonic() < end_s else _SPENT
        found = sides.difference(may_drift=rules.may_drift)
        if found is not None:
            progress.notice(f"{sides.count} readings: {math.expm1(found.step):+.2%}")
            verdict = _verdict(found, rules)
            if verdict is not None:
                return verdict, found, f"wrong in {rules.error:.2%} of such steps"


class _Sides:
    """Readings of a reference and of the present checkout, in turns."""

    def __init__(self, reader: Reader, reference: Commit, present: Commit) -> None:
        self._reader, self._commits = reader, (reference, present)
        # Without a build the checkout is read as it lies there: its files may come from a build
        # before, or from a patch that git does not know.
        is_here = reader.question.build is None
        self._folders = (None, reader.repository.folder if is_here else None)
        self.count = 0

    def read_next(self, end_s: float) -> None:
        """Read the side whose turn it is, until `end_s`. Raises Unreadable where that fails."""
        side = (0, 1, 1, 0)[self.count % 4]
        try:
            self._reader.read(self._commits[side], end_s, self._folders[side])
        except Unreadable as why:
            if side or time.monotonic() >= end_s:
                raise
            name = self._commits[0].short
            raise BadInput(
                f"the reference {name} cannot be read: {why}",
                hint=f"try the command in a checkout of {name}",
            ) from why
        self.count += 1

    def difference(self, *, may_drift: bool) -> Difference | None:
        """How the two compare by all of their readings in sessions of both; None with too few."""
        if self.count < _FIRST:
            return None
        readings = evidence(self._reader.log, self._commits, self._reader.machine).readings
        kept = ~is_spike(readings)
        readings = Readings(readings.commits[kept], readings.logs[kept], readings.sessions[kept])
        shared = np.intersect1d(*(readings.sessions[readings.commits == one] for one in (0, 1)))
        chosen = np.isin(readings.sessions, shared)
        is_new = readings.commits[chosen].astype(np.float64)
        return difference(
            is_new, readings.logs[chosen], readings.sessions[chosen], may_drift=may_drift
        )


def _verdict(found: Difference, rules: Rules) -> Checked | None:
    if found.step + found.half_width(1 - rules.error) < rules.min_effect:
        return Checked.GOOD
    if found.log_evidence > math.log(1 / rules.error) and found.step > 0:
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
