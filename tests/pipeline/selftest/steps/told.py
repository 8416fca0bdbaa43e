"""A step's work in a test, and what it told."""

import time
from pathlib import Path

from moeprof.pipeline.selftest.work import Message, Work


class Told(list[Message]):
    """The messages of one step."""

    @property
    def facts(self) -> list[Message]:
        """What it had found, each time that it told."""
        return [message["facts"] for message in self if "facts" in message]

    @property
    def points(self) -> list[Message]:
        """The points that it was about to measure."""
        return [message["point"] for message in self if "point" in message]


def work_in(folder: Path, seconds: float = 600.0) -> tuple[Work, Told]:
    """A step's work in a folder, with so much time, and what it is going to tell."""
    told = Told()
    return Work(folder, time.monotonic() + seconds, told.append), told
