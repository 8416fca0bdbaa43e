"""The simulation of comparisons: what it draws, and the goals that it states."""

import numpy as np
import pytest

from moeprof.benchmarks.regressions.comparing import (
    DRIFTS,
    drift,
    extended,
    our_share,
    peer_shares,
    readings,
    two_runs,
)


def test_drifts_are_those_that_are_named() -> None:
    rng = np.random.default_rng(0)
    assert not drift("none", 40, rng).any()
    assert drift("warm-up", 40, rng)[0] == pytest.approx(-0.03)
    ambient = np.array([drift("ambient", 200, rng) for _ in range(200)])
    assert ambient.std() == pytest.approx(0.015, rel=0.1)
    with pytest.raises(ValueError, match="'fog'"):
        drift("fog", 4, rng)


def test_readings_are_taken_in_turns_or_one_side_after_the_other() -> None:
    rng = np.random.default_rng(0)
    assert readings(2, 0.0, "none", rng, in_turns=True)[1].tolist() == [0, 1, 1, 0]
    assert readings(2, 0.0, "none", rng, in_turns=False)[1].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("kind", DRIFTS)
def test_in_turns_few_alarms_are_false_and_changes_of_3_percent_are_found(kind: str) -> None:
    rng = np.random.default_rng(1)
    assert our_share(20, 0.0, kind, 40, rng)["in turns, ours: regression"] == 0
    assert our_share(20, 0.03, kind, 40, rng)["in turns, ours: regression"] > 0.7


def test_a_design_in_blocks_takes_a_warm_up_for_a_change() -> None:
    shares = peer_shares(20, 0.0, "warm-up", 100, np.random.default_rng(1))
    assert shares["blocked, t, p < .05 (pyperf)"] > 0.2


def test_an_extension_decides_and_two_runs_of_one_build_raise_no_alarm() -> None:
    called, _, used = extended(0.03, "none", 20, np.random.default_rng(1))
    assert called > 0.9
    assert 20 <= used < 80
    shares = two_runs(0.02, 1.0, 10, np.random.default_rng(2))
    assert shares["ours, alarms"] <= 0.1
    assert shares["t over sizes, alarms"] > 0.5
