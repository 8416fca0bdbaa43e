"""A verdict is PASS or FAIL where the whole interval says so, else AMBIGUOUS."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.compare.steptime.judge import judge
from moeprof.compare.steptime.limits import limits_stated
from moeprof.store.verdicts.parts import Cause, Outcome
from moeprof.tests.compare.steptime.predictions import predictions

LIMITS = limits_stated(0.1)


def test_small_errors_pass_without_a_finding() -> None:
    verdict = judge(predictions(spread=0.03), LIMITS)
    assert (verdict.outcome, verdict.findings) == (Outcome.PASS, ())
    assert verdict.whole.rows == 128


def test_large_errors_fail_with_every_reason() -> None:
    verdict = judge(predictions(spread=0.05, bias=0.7), LIMITS)
    assert verdict.outcome is Outcome.FAIL
    reasons = [found.reason for found in verdict.findings]
    assert reasons[0].startswith("the median error is at least")
    assert reasons[1].startswith("the 90th percentile of the error is at least")
    assert reasons[2].startswith("the share of rows within their intervals of 90 % is at most")
    assert reasons[3].startswith("the roofline errs no more: 50.0 %")


def test_an_interval_with_the_limit_within_cannot_tell_and_says_what_would() -> None:
    verdict = judge(predictions(spread=0.16), limits_stated(0.15))
    assert verdict.outcome is Outcome.AMBIGUOUS
    first = verdict.findings[0]
    assert first.cause is Cause.STRADDLE
    assert "and the limit is 15.0 %" in first.reason
    assert "configurations like these would tell" in first.reason


def test_intervals_pass_by_their_value_and_fail_where_they_surely_hold_too_few() -> None:
    limits = limits_stated(0.5)
    outcomes = {
        factor: judge(predictions(spread=0.1, factor=factor), limits).outcome
        for factor in (1.03, 1.11, 1.3)
    }
    assert list(outcomes.values()) == [Outcome.FAIL, Outcome.AMBIGUOUS, Outcome.PASS]
    assert judge(predictions(spread=0.1, factor=None), limits).outcome is Outcome.PASS


@pytest.mark.parametrize(("deployments", "named"), [(1, "1 configuration,"), (5, "5 configurat")])
def test_many_rows_of_few_configurations_decide_nothing(deployments: int, named: str) -> None:
    verdict = judge(predictions(spread=0.01, deployments=deployments), LIMITS)
    assert verdict.outcome is Outcome.AMBIGUOUS
    assert [found.cause for found in verdict.findings] == [Cause.FEW]
    assert named in verdict.findings[0].reason


def test_a_simpler_prediction_that_is_as_good_fails_and_a_close_one_leaves_it_open() -> None:
    good = predictions(spread=0.03)
    same = replace(good, baselines={"blackbox": good.predicted})
    assert judge(same, LIMITS).outcome is Outcome.FAIL
    rng = np.random.default_rng(1)
    close = good.measured * np.exp(0.032 * rng.standard_normal(16)[good.rows.which])
    verdict = judge(replace(good, baselines={"blackbox": close}), LIMITS)
    assert verdict.outcome is Outcome.AMBIGUOUS
    assert verdict.findings[0].reason.startswith("the blackbox may err no more")
