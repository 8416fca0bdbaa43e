"""The difference of two levels: against Student's t where there is no drift, and its error rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from moeprof.stats.arrays import Float64
from moeprof.stats.sequential import difference

ABBA = np.resize([0.0, 1.0, 1.0, 0.0], 40)
ONE_SESSION = np.zeros(40, np.int64)


def readings(seed: int, step: float, noise: float = 0.02) -> Float64:
    return step * ABBA + noise * np.random.default_rng(seed).normal(size=len(ABBA))


def test_without_drift_it_is_the_two_sample_t_interval() -> None:
    logs = readings(1, 0.03)
    found = difference(ABBA, logs, ONE_SESSION, may_drift=False)
    peer = stats.ttest_ind(logs[ABBA == 1], logs[ABBA == 0])
    low, high = peer.confidence_interval(0.9)
    assert found.step == pytest.approx((low + high) / 2)
    assert found.half_width(0.9) == pytest.approx((high - low) / 2)


@given(st.floats(-5, 5), st.floats(1e-6, 1e6))
def test_neither_the_unit_nor_the_level_changes_the_evidence(level: float, unit: float) -> None:
    logs = readings(2, 0.01)
    plain = difference(ABBA, logs, ONE_SESSION, may_drift=True)
    other = difference(ABBA, unit * (logs + level), ONE_SESSION, may_drift=True)
    assert other.log_evidence == pytest.approx(plain.log_evidence, abs=1e-4)
    assert other.step == pytest.approx(unit * plain.step, rel=1e-5)


def test_a_step_under_a_drift_is_found_and_the_drift_is_not_taken_for_it() -> None:
    warming = 0.1 * (1 - np.exp(-np.arange(40) / 15))
    found = difference(ABBA, readings(3, 0.05) + warming, ONE_SESSION, may_drift=True)
    assert abs(found.step - 0.05) < found.half_width(0.99)
    assert found.log_evidence > np.log(1000)


def test_looked_at_after_every_pair_it_errs_as_seldom_as_it_says() -> None:
    """300 series without a difference, each looked at 17 times, at alpha = 5 %."""
    errors = 0
    for seed in range(300):
        logs = readings(seed, 0.0)
        looks = (
            difference(ABBA[:n], logs[:n], ONE_SESSION[:n], may_drift=False).log_evidence
            for n in range(8, 41, 2)
        )
        errors += max(looks) > np.log(1 / 0.05)
    assert errors / 300 <= 0.05


def test_a_jump_between_sessions_is_no_difference() -> None:
    sessions = (np.arange(40) >= 20).astype(np.int64)
    found = difference(ABBA, readings(4, 0.0) + 0.3 * sessions, sessions, may_drift=False)
    assert abs(found.step) < found.half_width(0.99)
