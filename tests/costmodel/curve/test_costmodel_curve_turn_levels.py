"""How far two runs of one machine differ, from the two turns of a run."""

import numpy as np
import pytest

from moeprof.costmodel.curve.turn_levels import turns_half_width_95


def test_turns_that_took_the_same_widen_nothing() -> None:
    assert turns_half_width_95([[0.0] * 8, [0.0] * 8]) == 0.0


def test_without_two_turns_nothing_is_known() -> None:
    assert turns_half_width_95([]) is None
    assert turns_half_width_95([[], [0.1, 0.1, 0.1]]) is None


def test_a_repeat_that_was_disturbed_alone_changes_no_level() -> None:
    assert turns_half_width_95([[0.01, 0.01, 0.4, 0.01, 0.01]]) == turns_half_width_95([[0.01] * 5])


@pytest.mark.parametrize("curves", [1, 3, 7])
def test_it_covers_the_level_that_another_run_has(curves: int) -> None:
    """Levels of turns are drawn anew in each; a run's is the mean of its two."""
    random = np.random.default_rng(curves)
    covered = []
    for _ in range(1500):
        turns = random.normal(0, 0.02, (2, 2, curves))
        half = turns_half_width_95([[apart] * 20 for apart in turns[0, 1] - turns[0, 0]])
        other = turns[1].mean(0) - turns[0].mean(0)
        covered.append(np.mean(np.abs(other) <= half))
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)
