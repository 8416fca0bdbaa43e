"""What a part of the torture found: trials, their faults by kind, and the figures of a whole."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What can be wrong."""

    LOST = "recording lost"
    DUPLICATED = "recording duplicated"
    STALE = "stale or wrong result taken as current"
    HALF_WRITTEN = "file half-written"
    TEMPORARY = "temporary file left after the next start"
    ORPHAN = "process left after 5 s"
    HANG = "no end within the limit"
    OWN_FAULT = "exit 129, a traceback, or ended by a signal"
    REFUSAL = "refused without a sentence, a hint or exit code 2"
    HARMED = "another operation, or another process, harmed"
    FORGED = "something recorded that was not measured"
    NO_REASON = "not measured, and no reason recorded"
    TORN = "torn read"
    BESIDE = "two measured at once on one device"
    MEMORY = "over the memory limit"
    FUZZ = "a changed input neither read nor refused"


@dataclass(slots=True)
class Trial:
    """One or more tries of a part (`tries`), and what was wrong; `skipped` says why none was made.

    `seconds` is the longest that a command under attack took.
    """

    name: str
    tries: int = 1
    faults: list[tuple[Kind, str]] = field(default_factory=list)
    skipped: str | None = None
    seconds: float = 0.0

    def add(self, kind: Kind, text: str) -> None:
        """Note a fault."""
        self.faults.append((kind, text))


Job = Callable[[], Sequence[Trial]]


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the table: its name, what it looks for, and its trials.

    `job_s` is the time that its jobs took, added up: several run at once.
    """

    name: str
    kinds: tuple[Kind, ...]
    trials: tuple[Trial, ...]
    job_s: float

    def figures(self) -> dict[str, Any]:
        """The part as JSON: tries, the count of each kind of fault, and each fault in words."""
        found = Counter(kind for trial in self.trials for kind, _ in trial.faults)
        return {
            "part": self.name,
            "tries": sum(trial.tries for trial in self.trials if trial.skipped is None),
            "tries_with_faults": sum(bool(trial.faults) for trial in self.trials),
            "faults": {str(kind): found[kind] for kind in sorted({*self.kinds, *found})},
            "longest_s": round(max((trial.seconds for trial in self.trials), default=0.0), 1),
            "skipped": [f"{one.name}: {one.skipped}" for one in self.trials if one.skipped],
            "job_s": round(self.job_s, 1),
            "what": [
                f"{trial.name}: {kind}: {text}"
                for trial in self.trials
                for kind, text in trial.faults
            ],
        }


def skipped(name: str, reason: str) -> Sequence[Job]:
    """The only job of a part that cannot be tried here."""
    return [lambda: [Trial(name, 0, skipped=reason)]]
