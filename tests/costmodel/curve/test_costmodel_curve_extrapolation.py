"""Beyond the knots the utilisation is constant, and the interval widens with each doubling."""

from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.curve.extrapolation import (
    OutOfRange,
    drift_half_widths,
    drift_scores,
    extend,
    octaves_beyond,
    with_drift,
)
from moeprof.costmodel.curve.intervals import PRIOR_DRIFT
from moeprof.costmodel.curve.scores import Scored, score_curves
from moeprof.costmodel.roofline import Roofline
from moeprof.store.cost_model import Work
from moeprof.store.errors import BadInput

BOUND = Roofline(Work(0.0, 2e6, 4e6, 4e3), flops_per_s=1e14, bytes_per_s=1e12)
SIZES = np.arange(8, 513, 8, dtype=np.int64)


@settings(max_examples=30)
@given(st.floats(0.05, 1.0))
def test_a_curve_of_constant_utilisation_is_extended_exactly(utilisation: float) -> None:
    values = BOUND.bound_us(SIZES) / utilisation
    asked = np.array([1, 2, 1024, 4096], dtype=np.int64)
    extended = extend(SIZES, values, BOUND, asked)
    assert extended == pytest.approx(BOUND.bound_us(asked) / utilisation)


def test_the_utilisation_is_the_best_of_the_last_three_knots_above_and_the_first_below() -> None:
    tokens = np.array([8, 100, 200, 300], dtype=np.int64)
    utilisation = np.array([0.1, 0.5, 0.8, 0.4])
    values = BOUND.bound_us(tokens) / utilisation
    below, above = extend(tokens, values, BOUND, np.array([4, 600], dtype=np.int64))
    edges = BOUND.bound_us(np.array([4, 600]))
    assert (below, above) == pytest.approx((edges[0] / 0.1, edges[1] / 0.8))


def test_octaves_are_doublings_beyond_the_knots() -> None:
    asked = np.array([2, 8, 100, 512, 1024, 2048], dtype=np.int64)
    assert octaves_beyond(SIZES, asked).tolist() == pytest.approx([2, 0, 0, 0, 1, 2])


def test_drift_is_the_error_per_octave_of_the_upper_half_predicted_from_the_lower() -> None:
    values = BOUND.bound_us(SIZES)
    assert drift_scores(Scored("linear", SIZES, values), BOUND) == pytest.approx(0, abs=1e-12)
    slower = np.where(SIZES > 256, 1.1 * values, values)
    scores = drift_scores(Scored("linear", SIZES, slower), BOUND)
    assert len(scores) == (SIZES > 256).sum()
    assert scores.min() == pytest.approx(log(1.1))  # at one octave
    assert scores.max() == pytest.approx(2 * log(1.1))  # near the edge half an octave counts


def test_a_curve_without_a_roofline_or_a_lower_half_gives_no_drift() -> None:
    assert not len(drift_scores(Scored("linear", SIZES, BOUND.bound_us(SIZES)), None))
    two = np.array([1, 512], dtype=np.int64)
    assert not len(drift_scores(Scored("linear", two, BOUND.bound_us(two)), BOUND))


def test_with_too_few_scores_the_drift_is_the_prior() -> None:
    _, none = score_curves([])
    few = with_drift(none, [np.full(18, 0.1)])
    many = with_drift(none, [np.full(10, 0.1), np.full(9, 0.1)])
    assert (few.drift_95, few.drift_n) == (None, 18)
    assert (many.drift_95, many.drift_n) == (0.1, 19)
    octaves = np.array([0.0, 0.1, 1.0, 2.0])
    assert drift_half_widths(few, octaves) == pytest.approx(PRIOR_DRIFT * np.array([0, 0.5, 1, 2]))
    assert drift_half_widths(many, octaves) == pytest.approx([0.0, 0.05, 0.1, 0.2])


def test_out_of_range_is_bad_input_with_the_query_and_the_reason() -> None:
    miss = OutOfRange("fc1", 4096, "nothing is near", "profile it")
    assert isinstance(miss, BadInput)
    assert (miss.op, miss.tokens, miss.reason, miss.hint) == (
        *("fc1", 4096, "nothing is near", "profile it"),
    )
    assert miss.message == "fc1 at batch size 4096 cannot be told: nothing is near"
