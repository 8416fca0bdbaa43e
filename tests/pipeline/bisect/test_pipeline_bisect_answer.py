"""The answer of a bisection: which commits it names, and the numbers beside them."""

from math import exp

import numpy as np
import pytest

from moeprof.compare.bisection.decision import Decision, Phase
from moeprof.pipeline.bisect.answer import answer, suspects
from moeprof.pipeline.bisect.evidence import Evidence
from moeprof.pipeline.revisions.repository import Commit
from moeprof.stats.change_point import ChangePoint, Readings
from moeprof.stats.sequential import Difference
from moeprof.store.verdicts.bisection import Outcome

COMMITS = [Commit(name * 40, name * 40, name) for name in "abcd"]
PLACE = ChangePoint(
    np.array([0.02, 0.9, 0.08]), np.full(3, 0.1), np.zeros(3), np.full(3, 4e-4), 9.0
)
ENDS = Difference(step=0.1, standard_error=0.01, freedom=20, log_evidence=9.0)
SEEN = Evidence(Readings(np.array([0, 3, 3]), np.zeros(3), np.zeros(3, np.int64)), {1: "no"}, 4)


def test_suspects_are_the_fewest_that_are_likely_enough() -> None:
    decision = Decision(Phase.SEARCH, 1, ENDS, PLACE, (2, 2), 0.9)
    assert [one.subject for one in suspects(COMMITS, decision, 0.05)] == ["c", "d"]
    assert [one.subject for one in suspects(COMMITS, decision, 0.2)] == ["c"]


def test_all_that_no_reading_tells_apart_come_first() -> None:
    place = ChangePoint(np.array([0.34, 0.33, 0.33]), *(np.full(3, 0.1),) * 3, 9.0)
    of_the_last_two = Decision(Phase.SEARCH, 1, ENDS, place, (2, 3), 0.66)
    assert [one.subject for one in suspects(COMMITS, of_the_last_two, 0.5)] == ["c", "d"]
    assert [one.subject for one in suspects(COMMITS, of_the_last_two, 0.1)] == ["c", "d", "b"]


@pytest.mark.parametrize(
    ("phase", "outcome"),
    [
        (Phase.FOUND, Outcome.FOUND),
        (Phase.SEVERAL, Outcome.SEVERAL),
        (Phase.UNCHANGED, Outcome.NO_DIFFERENCE),
        (Phase.SEARCH, Outcome.BUDGET),
        (Phase.ENDS, Outcome.BUDGET),
    ],
)
def test_an_answer_says_how_it_ended(phase: Phase, outcome: Outcome) -> None:
    decision = Decision(phase, None, ENDS)
    found = answer(COMMITS, SEEN, decision, question="q", error=0.05, reused=1, stat=None)
    assert found.outcome is outcome
    assert (found.readings, found.reused, found.builds, found.commits) == (3, 1, 2, 3)
    assert found.ends is not None
    assert found.ends.ratio == pytest.approx(exp(0.1))
    assert found.detectable == pytest.approx(exp(0.028) - 1)
    assert [one.reason for one in found.not_read] == ["no"]
    assert (found.effect, found.suspects, found.rest_readings) == (None, (), None)
