"""What `moeprof bisect` found: the commit that changed a metric, and how sure that is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from ..document import Amount, Count, Positive, Share


class Outcome(StrEnum):
    """How a bisection ended.

    NO_DIFFERENCE: the ends differ by less than the least effect. SEVERAL: the likeliest commit
    changes less than the ends differ by. BUDGET: the time was spent before an answer.
    """

    FOUND = "found"
    NO_DIFFERENCE = "no difference"
    SEVERAL = "several changes"
    BUDGET = "budget spent"

    @property
    def exit_code(self) -> int:
        """0, 4, or 125 where several commits share the change."""
        return {Outcome.FOUND: 0, Outcome.SEVERAL: 125}.get(self, 4)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A commit that may be the first with the change; `probability` is that of this commit."""

    commit: str
    subject: str
    probability: Share


@dataclass(frozen=True, slots=True)
class Effect:
    """Ratio of the new level to the old one, with the bounds of its 95 % interval."""

    ratio: Positive
    lo: Amount
    hi: Amount


@dataclass(frozen=True, slots=True)
class NotRead:
    """A commit that could not be built or read, and why."""

    commit: str
    reason: str


@dataclass(frozen=True, slots=True)
class Bisection:
    """The answer to which commit between `good` and `bad` changed what `question` reads.

    `suspects` together have a probability of at least 1 - `error`. `probability` is that of the
    first of them: the likeliest, and those before it that could not be built. `ends` compares bad
    with good, `effect` the likeliest commit with the last one before it; either is None where it
    was not read. `noise` is the standard deviation of the log of a reading, `detectable` the least
    relative change of the ends that this many readings show in four cases of five. `readings`
    counts those that were taken, `spikes` those of them that lie so far from the others of their
    commit that they are left out, `reused` those of them that an earlier start had taken, and
    `rest_readings` is about how many more an answer would take.
    """

    SCHEMA: ClassVar[str] = "moeprof.bisection/1.0"
    WAY_OUT: ClassVar[str] = "run `moeprof bisect` anew: it goes on from its readings"

    outcome: Outcome
    good: str
    bad: str
    commits: Count
    question: str
    error: Share
    suspects: tuple[Suspect, ...]
    probability: Share | None
    ends: Effect | None
    effect: Effect | None
    noise: Amount | None
    detectable: Amount | None
    readings: Count
    spikes: Count
    reused: Count
    builds: Count
    rest_readings: Amount | None
    not_read: tuple[NotRead, ...]
    stat: str | None
