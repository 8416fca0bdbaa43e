"""Readings in turns: verdicts, looks, and what a drift does not do."""

import numpy as np
import pytest

from moeprof.compare.regression.interleaved import (
    Readings,
    judge_readings,
    looks_within,
    spikes,
)
from moeprof.compare.regression.judged import Rules
from moeprof.store.verdicts.comparison import Change, Compared


def judged(effect: float, drift: float = 0.0, looks: int = 1, others: int = 0) -> Compared:
    """Judge 40 readings in turns, of which one side is more by `effect`; a drift over all."""
    rng = np.random.default_rng(2)
    side = np.resize([0.0, 1.0, 1.0, 0.0], 40)
    families = [
        Readings(
            "latency", "us", "fc1", "fc1-fp32", 8, side,
            100 * (1 + change * side) * np.exp(rng.normal(0, 0.02, 40) + np.linspace(0, drift, 40)),
            np.zeros(40, dtype=np.int64),
        )
        for change in (effect, *[0.0] * others)
    ]  # fmt: skip
    return judge_readings(families, Rules(), looks)[0]


def test_a_change_has_its_interval_and_its_verdict() -> None:
    slower = judged(0.05)
    assert slower.verdict is Change.REGRESSION
    assert (slower.n, slower.tokens) == (20, 8)
    assert slower.lo is not None
    assert slower.hi is not None
    assert slower.lo < 1.05 < slower.hi
    assert judged(-0.05).verdict is Change.IMPROVED
    assert judged(0.0).verdict is Change.UNCHANGED


def test_a_drift_that_is_ten_times_the_change_is_no_change() -> None:
    assert judged(0.0, drift=0.3).verdict is not Change.REGRESSION
    assert judged(0.05, drift=0.3).change == pytest.approx(1.05, abs=0.02)


def test_more_looks_and_more_comparisons_ask_for_more() -> None:
    plain, often, among = judged(0.03), judged(0.03, looks=3), judged(0.03, others=9)
    assert plain.p_more == often.p_more < among.p_more
    assert plain.verdict is Change.REGRESSION
    assert judged(0.022).verdict is Change.REGRESSION
    assert judged(0.022, others=200).verdict is Change.INCONCLUSIVE


def test_a_reading_far_from_all_others_does_not_count() -> None:
    rng = np.random.default_rng(2)
    side = np.resize([0.0, 1.0, 1.0, 0.0], 40)
    values = 100 * (1 + 0.03 * side) * np.exp(rng.normal(0, 0.02, 40))
    values[[7, 20]] *= 2
    one = Readings("latency", "us", "a", "a", 8, side, values, np.zeros(40, dtype=np.int64))
    assert spikes(one).nonzero()[0].tolist() == [7, 20]
    (found,) = judge_readings([one], Rules(), 1)
    assert found.verdict is Change.REGRESSION
    assert found.change == pytest.approx(1.03, abs=0.02)


@pytest.mark.parametrize(
    ("rounds", "looks"),
    [(3, (3,)), (10, (10,)), (19, (10,)), (20, (10, 20)), (90, (10, 20, 40, 80))],
)
def test_looks_double(rounds: int, looks: tuple[int, ...]) -> None:
    assert looks_within(rounds, 10) == looks
