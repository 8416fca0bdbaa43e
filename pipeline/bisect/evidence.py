"""The readings of a log that count here and now, as the statistics take them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...compare.bisection.decision import History
from ...stats.change_point import Readings
from ..revisions.readings_log import Reading, ReadingsLog
from ..revisions.repository import Commit


@dataclass(frozen=True, slots=True)
class Evidence:
    """Readings of commits on this machine, and by place why a commit could not be read at last."""

    readings: Readings
    not_read: dict[int, str]
    commits: int

    def history(self) -> History:
        """The commits as the statistics take them: each change is as likely as another."""
        unbuildable = np.zeros(self.commits, bool)
        unbuildable[list(self.not_read)] = True
        return History(unbuildable, np.zeros(self.commits - 1))


def evidence(log: ReadingsLog, commits: Sequence[Commit], machine: str) -> Evidence:
    """Take the readings of this machine that are of one of the commits, or of its tree."""
    places = {commit.tree: place for place, commit in reversed(list(enumerate(commits)))}
    places |= {commit.sha: place for place, commit in enumerate(commits)}
    counted = [
        (place, one)
        for one in log.readings
        if one.machine == machine and (place := _place(one, places)) is not None
    ]
    read = [(place, one.value, one.session) for place, one in counted if one.value is not None]
    latest = dict(counted)
    failed = {place: one.reason or "" for place, one in latest.items() if one.value is None}
    numbers, values, sessions = zip(*read, strict=True) if read else ((), (), ())
    readings = Readings(
        np.array(numbers, np.int64),
        np.log(np.array(values, np.float64)),
        np.array(sessions, np.int64),
    )
    return Evidence(readings, failed, len(commits))


def _place(reading: Reading, places: dict[str, int]) -> int | None:
    return places.get(reading.commit, places.get(reading.tree))
