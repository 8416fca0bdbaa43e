"""The scale of a curve's errors follows its own noise and steps, and its model's where unknown."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.curve.fit import interpolate, log_jumps
from moeprof.costmodel.curve.intervals import PRIOR, bracket_left_out, error_scales
from moeprof.costmodel.curve.scores import (
    CALIBRATED,
    LEFT_OUT,
    UNKNOWN_SHARED,
    Scored,
    score_curves,
    shared_variance,
)
from moeprof.stats.arrays import Float64, Int64
from moeprof.stats.conformal import COVERAGES_PCT
from moeprof.store.cost_model import Fit

SIZES = np.arange(1, 513, dtype=np.int64)
KNOTS = np.linspace(1, 512, 24).astype(np.int64)


def line(count: int) -> Scored:
    tokens = np.arange(1, count + 1, dtype=np.int64)
    return Scored("linear", tokens, np.add(tokens, 10.0))


def curve(
    seed: int, noise: float, tile: int = 1, calibrating: int = 8
) -> tuple[Scored, Int64, Float64]:
    """A curve with noise and steps, and the times of the sizes that it was not given."""
    random = np.random.default_rng(seed)
    smooth = 50 + tile * np.ceil(SIZES / tile)
    times: Float64 = smooth * np.exp(random.normal(0, noise, len(SIZES)))
    given = np.sort(random.choice(np.setdiff1d(SIZES, KNOTS), calibrating, replace=False))
    unseen = np.setdiff1d(SIZES, np.r_[KNOTS, given])
    fit: Fit = "linear" if tile == 1 else "step"
    scored = Scored(fit, KNOTS, times[KNOTS - 1], None, given, times[given - 1])
    return scored, unseen, times[unseen - 1]


def test_a_noisy_curve_does_not_widen_a_quiet_one() -> None:
    quiet, noisy = (curve(seed, noise)[0] for seed, noise in ((0, 0.005), (1, 0.1)))
    (one, other), _ = score_curves([quiet, noisy])
    assert one.noise < 0.01
    assert other.noise > 0.05


def test_jumps_count_where_the_errors_grow_with_them() -> None:
    sizes = np.arange(1, 400, 20, dtype=np.int64)
    stairs: Float64 = 100 * np.power(1.5, np.arange(len(sizes)) // 4)
    between = sizes[:-1] + 10
    wrong = Scored("linear", sizes, stairs, None, between, stairs[1:])
    (smooth, stepped), _ = score_curves([curve(0, 0.005)[0], wrong])
    assert stepped.jump_share > 1.5 * smooth.jump_share


def test_a_curve_without_errors_takes_the_scale_of_the_others() -> None:
    known = [curve(seed, 0.02)[0] for seed in range(5)]
    two = Scored("linear", np.array([1, 512], dtype=np.int64), np.array([50.0, 50.0]))
    scales, _ = score_curves([*known, two])
    median = np.median([scale.noise for scale in scales[:-1]])
    assert median <= scales[-1].noise < 4 * median  # not known as well, so not as narrow


@pytest.mark.parametrize("tile", [1, 64])
def test_95_pct_intervals_cover_about_95_pct_of_unseen_sizes(tile: int) -> None:
    covered = []
    for seed in range(20):
        noises = (0.005, 0.02, 0.05)
        made = [curve(10 * seed + place, noise, tile) for place, noise in enumerate(noises)]
        scales, intervals = score_curves([scored for scored, _, _ in made])
        for (scored, unseen, times), scale in zip(made, scales, strict=True):
            jumps = log_jumps(scored.tokens, scored.values, unseen)
            around = bracket_left_out(scored.tokens, scored.left_out, unseen)
            halves = error_scales(scale.noise, scale.jump_share, jumps, around)
            predicted = interpolate(scored.fit, scored.tokens, scored.values, unseen)
            errors = np.abs(np.log(predicted / times))
            covered.append(np.mean(errors <= intervals.quantiles["95"] * halves))
    assert 0.93 <= np.mean(covered) <= 0.99


def test_without_scores_the_quantiles_are_those_of_students_t_or_wider() -> None:
    for curves in ([], [line(2)]):
        _, intervals = score_curves(curves)
        assert (intervals.method, intervals.n) == (LEFT_OUT, 0)
        for percent in COVERAGES_PCT:
            assert 0.99 <= intervals.quantiles[str(percent)] / PRIOR[percent] < 1.6


def test_without_calibration_points_the_left_out_knots_give_the_scores() -> None:
    _, intervals = score_curves([line(21), line(2)])
    assert (intervals.method, intervals.n) == (LEFT_OUT, 19)
    assert intervals.shared == UNKNOWN_SHARED


def test_a_calibration_point_outside_the_domain_gives_no_score() -> None:
    scored, _, _ = curve(0, 0.01)
    narrow = replace(scored, tokens=KNOTS[5:10], values=scored.values[5:10])
    inside = (scored.calibration_tokens >= KNOTS[5]) & (scored.calibration_tokens <= KNOTS[9])
    assert len(narrow.calibration_errors().values) == inside.sum()
    assert score_curves([scored])[1].n == 8
    assert score_curves([scored])[1].method == CALIBRATED


def test_the_ends_are_predicted_by_their_neighbours() -> None:
    two = Scored("linear", np.array([1, 9], dtype=np.int64), np.array([10.0, 30.0]))
    assert two.left_out == pytest.approx([np.log(3)] * 2)
    assert line(5).left_out[1:-1] == pytest.approx(0, abs=1e-12)


@settings(max_examples=20)
@given(st.lists(st.floats(1e-3, 1e6), min_size=2, max_size=12))
def test_any_latencies_give_ascending_quantiles_and_a_positive_scale(values: list[float]) -> None:
    tokens = np.arange(1, len(values) + 1, dtype=np.int64)
    (scale,), intervals = score_curves([Scored("linear", tokens, np.array(values))])
    quantiles = [intervals.quantiles[str(percent)] for percent in COVERAGES_PCT]
    assert 0 < quantiles[0] <= quantiles[1] <= quantiles[2] <= quantiles[3] < np.inf
    assert 0 < scale.noise <= 1
    assert 0 < scale.jump_share <= 2


def test_a_slow_moment_of_all_curves_is_shared_and_noise_of_each_is_not() -> None:
    random = np.random.default_rng(0)
    apart = [random.normal(0, 1, 8) for _ in range(20)]
    together = [1 + 0.1 * one for one in apart]
    assert shared_variance(apart) < 0.2
    assert shared_variance(together) > 0.9


@pytest.mark.parametrize("scores", [[], [np.ones(8)], [np.zeros(8), np.zeros(8)]])
def test_what_one_curve_shares_with_others_is_not_known(scores: list[Float64]) -> None:
    assert shared_variance(scores) == UNKNOWN_SHARED
