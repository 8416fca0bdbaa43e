"""Intervals cover what they claim, and say nothing where there are too few points."""

import numpy as np
import pytest

from moeprof.costmodel.curve import Floats, Ints, interpolate, log_jumps
from moeprof.costmodel.intervals import SMALLEST_FLOOR, half_widths, interval_scores
from moeprof.store.cost_model import Fit

Knots = tuple[Fit, Ints, Floats]


def line(count: int) -> Knots:
    tokens = np.arange(1, count + 1, dtype=np.int64)
    return "linear", tokens, np.add(tokens, 10.0)


def one_score(error: float) -> Knots:
    """A flat curve whose only inner knot is off by this |log| ratio."""
    return "linear", np.array([1, 2, 3], dtype=np.int64), np.array([1.0, np.exp(error), 1.0])


def test_a_score_is_the_log_error_by_half_the_joined_log_jump() -> None:
    tokens, values = np.array([1, 2, 3], dtype=np.int64), np.array([10.0, 15.3, 20.0])
    scores = interval_scores([("linear", tokens, values)] * 3)
    assert scores.n == 3
    assert scores.floor == pytest.approx(np.log(15.3 / 15))
    assert scores.quantiles["50"] == pytest.approx(np.log(15.3 / 15) / (np.log(20 / 10) / 2))


def test_the_floor_is_what_three_of_four_knots_are_off_by_and_at_least_1_pct() -> None:
    assert interval_scores([one_score(e) for e in (0.02, 0.03, 0.04, 0.05, 0.9)]).floor == (
        pytest.approx(0.05)
    )
    sure = interval_scores([one_score(0.001)] * 3)
    assert sure.floor == SMALLEST_FLOOR
    assert sure.quantiles["50"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("n", "known"),
    [
        (0, set()),
        (1, {"50"}),
        (3, {"50"}),
        (4, {"50", "80"}),
        (9, {"50", "80", "90"}),
        (18, {"50", "80", "90"}),
        (19, {"50", "80", "90", "95"}),
    ],
)
def test_a_quantile_is_none_where_the_scores_are_too_few(n: int, known: set[str]) -> None:
    scores = interval_scores([line(n + 2)])
    assert scores.n == n
    assert {name for name, value in scores.quantiles.items() if value is not None} == known


def test_a_quantile_is_the_corrected_order_statistic() -> None:
    errors = np.arange(1, 20) / 10_000  # below the floor of 1 %: the scores are 0.01, 0.02 … 0.19
    quantiles = interval_scores([one_score(error) for error in errors]).quantiles
    assert quantiles == pytest.approx({"50": 0.10, "80": 0.16, "90": 0.18, "95": 0.19})


def test_no_curve_and_no_inner_knot_give_no_score() -> None:
    assert interval_scores([]).n == 0
    assert interval_scores([line(2)]).quantiles == dict.fromkeys(("50", "80", "90", "95"))


@pytest.mark.parametrize("tile", [1, 64])
def test_95_pct_intervals_cover_about_95_pct_of_unseen_sizes(tile: int) -> None:
    sizes = np.arange(1, 513, dtype=np.int64)
    tokens = np.linspace(1, 512, 24).astype(np.int64)
    unseen = np.setdiff1d(sizes, tokens)
    fit: Fit = "linear" if tile == 1 else "step"
    covered = []
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(0, 0.02, len(sizes))
        times: Floats = (50 + tile * np.ceil(sizes / tile)) * np.exp(noise)
        values = times[tokens - 1]
        scores = interval_scores([(fit, tokens, values)])
        assert scores.quantiles["95"] is not None
        width = half_widths(scores.quantiles["95"], scores.floor, log_jumps(tokens, values, unseen))
        predicted = interpolate(fit, tokens, values, unseen)
        covered.append(np.mean(np.abs(np.log(predicted / times[unseen - 1])) <= width))
    assert 0.9 <= np.mean(covered) <= 0.99


def test_a_half_width_has_a_floor_in_flat_brackets() -> None:
    assert half_widths(2.0, 0.01, np.array([0.0, 0.5])).tolist() == [0.02, 1.0]
