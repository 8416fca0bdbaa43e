"""Which readings of a log count, and for which commit."""

from pathlib import Path

import numpy as np
import pytest

from moeprof.pipeline.bisect.evidence import evidence
from moeprof.pipeline.revisions.readings_log import Reading, ReadingsLog
from moeprof.pipeline.revisions.repository import Commit

HERE = "this machine"
COMMITS = [Commit(name * 40, name.upper() * 40, name) for name in "abc"]


def reading(sha: str, tree: str, value: float | None, machine: str = HERE) -> Reading:
    reason = "no build" if value is None else None
    return Reading(sha * 40, tree * 40, machine, 0, "2026-01-01T00:00:00+00:00", value, reason)


@pytest.fixture
def log(tmp_path: Path) -> ReadingsLog:
    return ReadingsLog(tmp_path, "how long?")


def test_a_reading_counts_for_its_commit_or_else_for_its_tree(log: ReadingsLog) -> None:
    log.add(reading("a", "A", 1.0))
    log.add(reading("x", "C", 2.0))
    log.add(reading("x", "X", 3.0))
    found = evidence(log, COMMITS, HERE).readings
    assert found.commits.tolist() == [0, 2]
    assert found.logs == pytest.approx(np.log([1.0, 2.0]))


def test_readings_of_another_machine_are_left_out(log: ReadingsLog) -> None:
    log.add(reading("a", "A", 1.0, "another"))
    assert not len(evidence(log, COMMITS, HERE).readings.commits)


def test_a_commit_cannot_be_read_as_long_as_its_last_try_failed(log: ReadingsLog) -> None:
    log.add(reading("a", "A", None))
    log.add(reading("b", "B", None))
    log.add(reading("b", "B", 2.0))
    found = evidence(log, COMMITS, HERE)
    assert found.not_read == {0: "no build"}
    assert found.history().unbuildable.tolist() == [True, False, False]
