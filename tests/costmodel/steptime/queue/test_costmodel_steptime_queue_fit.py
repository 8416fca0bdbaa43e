"""Coefficients are found under outliers, never negative, and judged on what was left out."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.queue.fit import fit_queue
from moeprof.costmodel.steptime.queue.journeys import Journeys
from moeprof.store.serving.queue_model import DelayFit
from moeprof.tests.costmodel.steptime.queue.known_delays import (
    ARRIVAL,
    DELIVERY,
    TOKEN,
    WAIT,
    known_journeys,
)


def without(journeys: Journeys, *names: str) -> Journeys:
    """The same requests, of which these numbers are unknown."""
    unknown = np.full(len(journeys), np.nan)
    return replace(journeys, columns={**journeys.columns, **dict.fromkeys(names, unknown)})


@pytest.mark.parametrize("seed", range(3))
def test_dominant_coefficients_are_found_to_two_percent(seed: int) -> None:
    found = fit_queue(known_journeys(seed=seed))
    assert found.wait is not None
    assert found.token is not None
    assert found.delivery is not None
    assert found.arrival is not None
    dominant = ("waiting", "kv_above_0.7", "kv_above_0.9", "recent_preemptions")
    for name in dominant:
        assert found.wait.coefficients[name] == pytest.approx(WAIT[name], rel=0.02)
    assert found.token.coefficients == pytest.approx(TOKEN, rel=0.02)
    assert found.delivery.coefficients == pytest.approx(DELIVERY, rel=0.02)
    for name, value in ARRIVAL.items():
        assert found.arrival.coefficients[name] == pytest.approx(value, rel=0.02)


def test_errors_are_those_of_requests_that_were_left_out() -> None:
    found = fit_queue(known_journeys(outliers=0.0)).wait
    assert found is not None
    assert found.score is not None
    assert found.score.groups == 10
    assert 0.015 < found.score.median < 0.03  # the noise is 3 %
    assert found.score.constant > 5 * found.score.median


def test_whole_runs_are_left_out_where_there_are_enough() -> None:
    found = fit_queue(known_journeys(runs=6)).token
    assert found is not None
    assert found.score is not None
    assert found.score.groups == 6


def test_an_error_in_sample_would_be_smaller() -> None:
    """Six runs of which each has a constant of its own: none tells that of another."""
    journeys = known_journeys(count=600, runs=6, outliers=0.0)
    factor = np.asarray([1.5 ** int(run[3:]) for run in journeys.run])
    columns = {**journeys.columns, "token_us": journeys.columns["token_us"] * factor}
    found = fit_queue(replace(journeys, columns=columns)).token
    assert found is not None
    assert found.score is not None
    assert found.score.median > 0.3


def test_nothing_is_negative() -> None:
    rng = np.random.default_rng(3)
    journeys = known_journeys(count=400)
    falling = 5e4 - 10 * journeys.columns["prompt_tokens"] + rng.uniform(0, 100, 400)
    found = fit_queue(replace(journeys, columns={**journeys.columns, "wait_us": falling})).wait
    assert found is not None
    assert min(found.coefficients.values()) >= 0


def test_what_no_journey_tells_is_unknown_and_not_zero() -> None:
    found = fit_queue(without(known_journeys(), "kv_ratio", "recent_preemptions")).wait
    assert found is not None
    assert found.unknown == ("kv_above_0.7", "kv_above_0.9", "recent_preemptions")
    assert set(found.coefficients) == {"requests", "prompt_tokens", "waiting"}


def test_a_column_of_one_value_is_unknown() -> None:
    journeys = known_journeys()
    columns = {**journeys.columns, "recent_preemptions": np.zeros(len(journeys))}
    found = fit_queue(replace(journeys, columns=columns)).wait
    assert found is not None
    assert found.unknown == ("recent_preemptions",)


def test_a_delay_that_few_tell_is_missing_with_the_reason() -> None:
    found = fit_queue(without(known_journeys(count=400), "arrival_us", "delivery_us"))
    assert (found.arrival, found.delivery) == (None, None)
    assert found.missing == {
        "arrival": "0 requests tell it, and a fit takes 30 or more",
        "delivery": "0 requests tell it, and a fit takes 30 or more",
    }


def test_thresholds_are_the_users() -> None:
    found = fit_queue(known_journeys(), thresholds=(0.8,))
    assert found.kv_thresholds == (0.8,)
    assert isinstance(found.wait, DelayFit)
    assert "kv_above_0.8" in found.wait.coefficients


def test_the_same_journeys_give_the_same_numbers() -> None:
    assert fit_queue(known_journeys()) == fit_queue(known_journeys())
