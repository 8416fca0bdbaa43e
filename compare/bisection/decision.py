"""What to read next in a bisection, from all that was read: one function of the readings.

First the ends are read in turns until they probably differ, or differ by too little to matter. Then
each reading goes where it says most about the place of the change, in proportion to what it costs;
all of them together must show that there is one. Last, the commit that is found is read against its
parent alone, which a second change would contradict.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import hypot, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...stats.arrays import Float64, Int64
from ...stats.change_point import ChangePoint, Readings, change_point
from ...stats.sequential import Difference, difference
from .spikes import is_spike

# Log evidence of a change. Where there is none, one bisection in 10 comes to the first, and one in
# 100 to the second, at most.
_SEARCH_EVIDENCE: Final = log(10)
_CHANGE_EVIDENCE: Final = log(100)
_FIRST_READINGS: Final = 8  # both ends together
_REFERENCE_EVERY: Final = 5  # readings; one of an end keeps the drift apart from the change
_LEAST_OF_PAIR: Final = 3  # readings of either commit
_SURE: Final = 0.99  # confidence of intervals that end the search without a commit


class Phase(StrEnum):
    """How far a bisection has come; the last four end it."""

    ENDS = "ends"
    SEARCH = "search"
    VERIFY = "verify"
    FOUND = "found"
    UNCHANGED = "unchanged"
    IMPROVED = "improved"
    SEVERAL = "several"


ENDED: Final = frozenset({Phase.FOUND, Phase.UNCHANGED, Phase.IMPROVED, Phase.SEVERAL})


@dataclass(frozen=True, slots=True)
class Rules:
    """How sure an answer is to be, and what a reading costs.

    `error` is the probability of a wrong commit, `min_effect` the log ratio below which a change
    does not matter. To read a commit for the first time costs `build_readings` readings more.
    """

    error: float = 0.05
    min_effect: float = 0.01
    may_drift: bool = True
    build_readings: float = 0.0


@dataclass(frozen=True, slots=True)
class History:
    """Commits 0 (good) to N - 1 (bad): which cannot be built, and the log prior of each change.

    `unbuildable` is [N], `log_prior` [N - 1] for a change at commit 1, 2, ... N - 1.
    """

    unbuildable: NDArray[np.bool_]
    log_prior: Float64

    @property
    def last(self) -> int:
        """The place of the bad commit."""
        return len(self.unbuildable) - 1

    def buildable(self) -> Int64:
        """Places of the commits that can be read, ascending; those not tried yet are among them."""
        return np.flatnonzero(~self.unbuildable)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is known, and the commit to read next: None where the bisection has ended.

    `ends` compares the two ends by all of their readings; `place` is the posterior, once they are
    known to differ; `pair` compares the likeliest commit with the last buildable one before it.
    `suspects` are the first and the last place that the change may have, if that pair is right:
    they differ where commits between them cannot be built.
    """

    phase: Phase
    commit: int | None
    ends: Difference | None = None
    place: ChangePoint | None = None
    suspects: tuple[int, int] | None = None
    probability: float | None = None
    pair: Difference | None = None


def decide(readings: Readings, history: History, rules: Rules, session: int = 0) -> Decision:
    """Say what to read next in the session that is under way. Spikes count as not read."""
    kept = ~is_spike(readings)
    readings = Readings(readings.commits[kept], readings.logs[kept], readings.sessions[kept])
    n, last = len(readings.commits), history.last
    missing = _missing_end(readings, last, session)
    if missing is not None:
        return Decision(Phase.ENDS, missing)
    of_ends = (readings.commits == 0) | (readings.commits == last)
    if _freedom(readings, of_ends) < _FIRST_READINGS - 1:
        return Decision(Phase.ENDS, _end(n, last))
    ends = _difference(readings, of_ends, last, rules)
    width = ends.half_width(_SURE)
    if ends.step + width < rules.min_effect and ends.step - width > -rules.min_effect:
        return Decision(Phase.UNCHANGED, None, ends)
    if ends.step < 0 and ends.log_evidence >= _CHANGE_EVIDENCE:
        return Decision(Phase.IMPROVED, None, ends)
    place = change_point(readings, history.log_prior, may_drift=rules.may_drift)
    if ends.step < 0 or _evidence(ends, place) < _SEARCH_EVIDENCE:
        return Decision(Phase.ENDS, _end(n, last), ends)
    return _search(readings, history, rules, ends, place)


def _search(
    readings: Readings, history: History, rules: Rules, ends: Difference, place: ChangePoint
) -> Decision:
    parent, suspects, probability = _likeliest(history, place)
    if probability < 1 - rules.error:
        commit = _next(readings, history, rules, place)
        return Decision(Phase.SEARCH, commit, ends, place, suspects, probability)
    pair = _pair(readings, parent, suspects[1], rules)
    known = (ends, place, suspects, probability, pair)
    if pair is not None:
        apart = hypot(pair.half_width(_SURE), ends.half_width(_SURE))
        if ends.step - pair.step > apart:
            return Decision(Phase.SEVERAL, None, *known)
        # A drift that is like none of the models may mislead the posterior, but hardly two commits
        # that are read in turns: these alone must show the change. Without drift the posterior is
        # exact, and they must only not deny it.
        enough = log(1 / rules.error) if rules.may_drift else 0.0
        is_change = _evidence(ends, place) >= _CHANGE_EVIDENCE
        if is_change and pair.log_evidence >= enough and pair.step > 0:
            return Decision(Phase.FOUND, None, *known)
    counts = [int((readings.commits == one).sum()) for one in (parent, suspects[1])]
    return Decision(Phase.VERIFY, parent if counts[0] <= counts[1] else suspects[1], *known)


def _missing_end(readings: Readings, last: int, session: int) -> int | None:
    """An end that this session has not read: without both it has no level."""
    now = readings.commits[readings.sessions == session]
    return next((end for end in (0, last) if end not in now), None)


def _freedom(readings: Readings, chosen: NDArray[np.bool_]) -> int:
    """How many readings there are more than levels of sessions."""
    return int(chosen.sum()) - len(np.unique(readings.sessions[chosen]))


def _end(n: int, last: int) -> int:
    """The end to read after n readings: good, bad, bad, good, so that no steady drift differs."""
    return (0, last, last, 0)[n % 4]


def _evidence(ends: Difference, place: ChangePoint) -> float:
    """Log evidence that there is a change, by the ends alone or by all readings.

    A spike that is not known as one makes the noise of all readings large, and not that of the
    ends.
    """
    return max(ends.log_evidence, place.log_evidence)


def _pair(readings: Readings, parent: int, commit: int, rules: Rules) -> Difference | None:
    """Compare two commits by sessions that read both; None with fewer than three of either."""
    of_each = [readings.commits == one for one in (parent, commit)]
    shared = np.intersect1d(*(readings.sessions[one] for one in of_each))
    of_each = [one & np.isin(readings.sessions, shared) for one in of_each]
    if min(one.sum() for one in of_each) < _LEAST_OF_PAIR:
        return None
    return _difference(readings, of_each[0] | of_each[1], commit, rules)


def _difference(
    readings: Readings, chosen: NDArray[np.bool_], new: int, rules: Rules
) -> Difference:
    is_new = (readings.commits[chosen] == new).astype(np.float64)
    logs, sessions = readings.logs[chosen], readings.sessions[chosen]
    return difference(is_new, logs, sessions, may_drift=rules.may_drift)


def _likeliest(history: History, place: ChangePoint) -> tuple[int, tuple[int, int], float]:
    """The likeliest place that readings can tell from others: parent, first and last, chance."""
    buildable = history.buildable()
    sums = np.add.reduceat(place.posterior, buildable[:-1])
    best = int(sums.argmax())
    parent, commit = int(buildable[best]), int(buildable[best + 1])
    return parent, (parent + 1, commit), float(sums[best])


def _next(readings: Readings, history: History, rules: Rules, place: ChangePoint) -> int:
    n = len(readings.commits)
    if rules.may_drift and n % _REFERENCE_EVERY == 0:
        return _end(n // _REFERENCE_EVERY, history.last)
    is_read = np.zeros(history.last + 1, bool)
    is_read[readings.commits] = True
    cost = 1 + np.where(is_read, 0.0, rules.build_readings)
    return int(np.argmax(np.where(history.unbuildable, -1.0, place.gains() / cost)))
