"""Intervals cover what they claim, and fall back on a wide prior where scores are too few."""

import numpy as np
import pytest

from moeprof.costmodel.curve.fit import interpolate, log_jumps
from moeprof.costmodel.curve.intervals import (
    CALIBRATED,
    LEFT_OUT,
    PRIOR,
    SMALLEST_FLOOR,
    Scored,
    half_widths,
    interval_scores,
    knot_half_widths,
    quantile_or_prior,
)
from moeprof.stats.arrays import Float64
from moeprof.store.cost_model import Fit


def line(count: int) -> Scored:
    tokens = np.arange(1, count + 1, dtype=np.int64)
    return Scored("linear", tokens, np.add(tokens, 10.0))


def calibrated(*errors: float) -> Scored:
    """A flat curve of 100 us whose calibration points are off by these |log| ratios."""
    sizes = np.arange(2, 2 + len(errors), dtype=np.int64)
    return Scored(
        "linear",
        np.array([1, 500, 1000], dtype=np.int64),
        np.full(3, 100.0),
        calibration_tokens=sizes,
        calibration_values=100 * np.exp(np.array(errors)),
    )


def test_a_score_is_the_log_error_by_the_floor_where_the_curve_is_flat() -> None:
    scores = interval_scores([calibrated(*[0.01] * 19)])
    assert (scores.method, scores.n) == (CALIBRATED, 19)
    assert scores.quantiles["95"] == pytest.approx(0.01 / SMALLEST_FLOOR)


def test_a_score_is_the_log_error_by_the_log_jump_where_the_curve_rises() -> None:
    curve = Scored(
        "linear",
        np.array([1, 3], dtype=np.int64),
        np.array([10.0, 30.0]),
        calibration_tokens=np.array([2], dtype=np.int64),
        calibration_values=np.array([25.0]),
    )
    assert curve.calibration_scores() == pytest.approx([np.log(25 / 20) / np.log(3)])


def test_a_calibration_point_outside_the_domain_gives_no_score() -> None:
    curve = Scored(
        "linear",
        np.array([4, 8], dtype=np.int64),
        np.array([10.0, 30.0]),
        calibration_tokens=np.array([2, 9], dtype=np.int64),
        calibration_values=np.array([25.0, 25.0]),
    )
    assert len(curve.calibration_scores()) == 0


def test_without_calibration_points_the_left_out_knots_give_the_scores() -> None:
    scores = interval_scores([line(21)])
    assert (scores.method, scores.n) == (LEFT_OUT, 19)


def test_the_floor_is_the_75th_percentile_of_the_left_out_errors() -> None:
    tokens = np.arange(1, 7, dtype=np.int64)
    noisy = Scored("linear", tokens, 100 * np.exp([0.0, 0.04, 0.0, 0.04, 0.0, 0.04]))
    assert noisy.floor == pytest.approx(0.04, rel=1e-6)
    assert line(6).floor == SMALLEST_FLOOR
    assert line(2).floor == SMALLEST_FLOOR


@pytest.mark.parametrize(
    ("n", "known"),
    [
        (0, set()),
        (1, {"50"}),
        (4, {"50", "80"}),
        (18, {"50", "80", "90"}),
        (19, {"50", "80", "90", "95"}),
    ],
)
def test_a_quantile_is_none_where_the_scores_are_too_few(n: int, known: set[str]) -> None:
    scores = interval_scores([line(n + 2)])
    assert scores.n == n
    assert {name for name, value in scores.quantiles.items() if value is not None} == known
    for percent in (50, 80, 90, 95):
        expected = scores.quantiles[str(percent)]
        found = quantile_or_prior(scores, percent)
        assert found == (PRIOR[str(percent)] if expected is None else expected)


@pytest.mark.parametrize("tile", [1, 64])
def test_95_pct_intervals_cover_about_95_pct_of_unseen_sizes(tile: int) -> None:
    sizes = np.arange(1, 513, dtype=np.int64)
    tokens = np.linspace(1, 512, 24).astype(np.int64)
    fit: Fit = "linear" if tile == 1 else "step"
    covered = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        noise = random.normal(0, 0.02, len(sizes))
        times: Float64 = (50 + tile * np.ceil(sizes / tile)) * np.exp(noise)
        reserved = np.sort(random.choice(np.setdiff1d(sizes, tokens), 40, replace=False))
        unseen = np.setdiff1d(sizes, np.r_[tokens, reserved])
        values = times[tokens - 1]
        curve = Scored(fit, tokens, values, None, reserved, times[reserved - 1])
        scores = interval_scores([curve])
        assert scores.quantiles["95"] is not None
        width = half_widths(scores.quantiles["95"], curve.floor, log_jumps(tokens, values, unseen))
        predicted = interpolate(fit, tokens, values, unseen)
        covered.append(np.mean(np.abs(np.log(predicted / times[unseen - 1])) <= width))
    assert 0.93 <= np.mean(covered) <= 0.985


def test_a_half_width_has_a_floor_in_flat_brackets() -> None:
    assert half_widths(2.0, 0.01, np.array([0.0, 0.5])).tolist() == [0.02, 1.0]


def test_between_two_knots_the_wider_of_their_intervals_holds() -> None:
    tokens = np.array([1, 10, 20], dtype=np.int64)
    asked = np.array([1, 5, 10, 15, 20], dtype=np.int64)
    lent = knot_half_widths(tokens, (0.3, 0.1, None), 95, asked)
    assert lent.tolist() == [0.3, 0.3, 0.1, 0.1, 0.0]
    half, most = (knot_half_widths(tokens, (0.3, 0.1, None), p, asked)[0] for p in (50, 90))
    assert 0 < half < most < 0.3
