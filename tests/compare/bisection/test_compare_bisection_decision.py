"""What is read next, and when it ends, on seeded readings of a made-up history."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.compare.bisection.decision import Decision, History, Phase, Rules, decide
from moeprof.stats.change_point import Readings

COMMITS = 32
RULES = Rules()
Level = Callable[[int], float]


def step_at(first_bad: int, effect: float = 0.03) -> Level:
    return lambda commit: effect * (commit >= first_bad)


def searched(
    level: Level,
    *,
    rules: Rules = RULES,
    lost: frozenset[int] = frozenset(),
    noise: float = 0.01,
    break_after: int | None = None,
    most: int = 400,
    seed: int = 1,
) -> tuple[Decision, list[int]]:
    """Read as decided until the end; `lost` cannot be read; a second session begins at a break."""
    rng = np.random.default_rng(seed)
    places: list[int] = []
    logs: list[float] = []
    sessions: list[int] = []
    unbuildable = np.zeros(COMMITS, bool)
    while len(places) < most:
        session = int(break_after is not None and len(places) >= break_after)
        taken = np.array(places, np.int64), np.array(logs), np.array(sessions, np.int64)
        readings = Readings(*taken)
        decision = decide(readings, History(unbuildable, np.zeros(COMMITS - 1)), rules, session)
        if decision.commit is None:
            return decision, places
        if decision.commit in lost:
            assert not unbuildable[decision.commit], "it is asked for again"
            unbuildable[decision.commit] = True
            continue
        places.append(decision.commit)
        logs.append(level(decision.commit) + 0.2 * session + noise * rng.normal())
        sessions.append(session)
    raise AssertionError(f"no end after {most} readings: {decision}")


@settings(max_examples=15)
@given(st.integers(1, COMMITS - 1), st.booleans())
def test_a_clear_change_is_found_wherever_it_is(first_bad: int, may_drift: bool) -> None:
    decision, places = searched(step_at(first_bad, 0.1), rules=Rules(may_drift=may_drift))
    assert (decision.phase, decision.suspects) == (Phase.FOUND, (first_bad, first_bad))
    assert decision.pair is not None
    assert decision.pair.step == pytest.approx(0.1, abs=0.03)
    assert len(places) < 60


def test_the_ends_are_read_first_in_the_order_of_abba() -> None:
    _, places = searched(step_at(9))
    assert places[:8] == [0, 31, 31, 0, 0, 31, 31, 0]


def test_ends_that_do_not_differ_end_the_search_without_a_commit() -> None:
    decision, places = searched(step_at(9, 0.0))
    assert (decision.phase, decision.suspects) == (Phase.UNCHANGED, None)
    assert set(places) == {0, 31}


@pytest.mark.parametrize("seed", range(3))
def test_a_search_begins_by_little_evidence_and_ends_by_much(seed: int) -> None:
    decision, places = searched(step_at(9), noise=0.02, seed=seed)
    assert decision.place is not None
    assert decision.place.log_evidence >= np.log(100)
    assert 8 <= next(at for at, place in enumerate(places) if place not in (0, 31)) < 40


def test_an_end_that_is_better_is_told() -> None:
    assert searched(step_at(9, -0.05))[0].phase is Phase.IMPROVED


def test_commits_that_cannot_be_read_stay_together_in_the_answer() -> None:
    decision, places = searched(step_at(12, 0.1), lost=frozenset({11, 12, 13}))
    assert (decision.phase, decision.suspects) == (Phase.FOUND, (11, 14))
    assert not {11, 12, 13} & set(places)


def test_two_changes_are_not_blamed_on_one_commit() -> None:
    decision, _ = searched(lambda commit: 0.05 * (commit >= 8) + 0.05 * (commit >= 24))
    assert decision.phase is Phase.SEVERAL


def test_a_break_that_moves_the_level_changes_no_answer() -> None:
    decision, places = searched(step_at(20, 0.05), break_after=14)
    assert decision.suspects == (20, 20)
    assert places[14:16] == [0, 31]


def test_where_a_build_is_dear_fewer_commits_are_built() -> None:
    plain, dear = (
        searched(step_at(20), rules=Rules(may_drift=False, build_readings=cost), noise=0.02)[1]
        for cost in (0.0, 30.0)
    )
    assert len(set(dear)) < len(set(plain))


def test_a_drift_costs_an_end_every_fifth_reading() -> None:
    _, places = searched(step_at(5), noise=0.02)
    inside = next(at for at, place in enumerate(places) if place not in (0, 31))
    ends = sum(place in (0, 31) for place in places[inside:])
    assert ends / len(places[inside:]) == pytest.approx(0.2, abs=0.1)
