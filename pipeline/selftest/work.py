"""What a step is given: where it works, until when, and whom it tells."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .results import Facts

Message = dict[str, Any]


class StepFailed(Exception):
    """A step cannot go on; the message says why. What it found until then is kept."""


@dataclass(frozen=True, slots=True)
class Work:
    """A step's folder, its end on the monotonic clock, and the receiver of its messages.

    It is the RunProgress of what the step runs.
    """

    folder: Path
    end_s: float
    tell: Callable[[Message], None]

    @property
    def runs(self) -> Path:
        """The store of the selftest's sweep."""
        return self.folder / "runs"

    def left_s(self) -> float:
        """Time left, in s; 0 or less after the end."""
        return self.end_s - time.monotonic()

    def found(self, facts: Facts) -> None:
        """Tell all that is found so far: it is written at once."""
        self.tell({"facts": facts})

    def notice(self, text: str) -> None:
        """Tell a fact for the log."""
        self.tell({"notice": text})

    def warning(self, text: str) -> None:
        """Tell a warning for the log and for the user."""
        self.tell({"warning": text})

    def point(self, collector: str, op: str, tokens: int, done: int, total: int) -> None:
        """Tell the point that is measured next."""
        self.tell({"point": [collector, op, tokens, done, total]})

    def end(self, done: int, total: int) -> None:
        """Tell the end of a sweep."""
        self.tell({"end": [done, total]})
