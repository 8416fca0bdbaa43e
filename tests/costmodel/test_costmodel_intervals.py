"""Intervals cover what they claim, and say nothing where there are too few points."""

import numpy as np
import pytest

from moeprof.costmodel.curve import Floats, Ints, interpolate, log_jumps
from moeprof.costmodel.intervals import FLOOR, half_widths, interval_scores
from moeprof.store.cost_model import Fit

Knots = tuple[Fit, Ints, Floats]


def line(count: int) -> Knots:
    tokens = np.arange(1, count + 1, dtype=np.int64)
    return "linear", tokens, 10.0 + tokens


def noisy(seed: int) -> tuple[Floats, Ints]:
    """Latencies of a slope with 2 % of noise at 1..512, and 24 even knots of it."""
    rng = np.random.default_rng(seed)
    sizes = np.arange(1, 513, dtype=np.int64)
    times: Floats = (50 + sizes) * np.exp(rng.normal(0, 0.02, len(sizes)))
    return times, np.linspace(1, 512, 24).astype(np.int64)


def test_a_score_is_the_log_error_in_units_of_the_bracket() -> None:
    tokens, values = np.array([1, 2, 3], dtype=np.int64), np.array([10.0, 30.0, 20.0])
    scores = interval_scores([("linear", tokens, values)] * 3)
    assert scores.n == 3
    assert scores.quantiles["50"] == pytest.approx(np.log(30 / 15) / np.log(20 / 10))
    flat = interval_scores([("linear", tokens, np.array([10.0, 10.5, 10.0]))] * 3)
    assert flat.quantiles["50"] == pytest.approx(np.log(10.5 / 10) / FLOOR)


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
    steps = np.arange(1, 20) / 1000
    curves: list[Knots] = [
        ("linear", np.array([1, 2, 3], dtype=np.int64), np.array([1.0, np.exp(step), 1.0]))
        for step in steps
    ]
    quantiles = interval_scores(curves).quantiles  # the scores are 0.1, 0.2 … 1.9
    assert quantiles == pytest.approx({"50": 1.0, "80": 1.6, "90": 1.8, "95": 1.9})


def test_no_curve_and_no_inner_knot_give_no_score() -> None:
    assert interval_scores([]).n == 0
    assert interval_scores([line(2)]).quantiles == dict.fromkeys(("50", "80", "90", "95"))


def test_95_pct_intervals_cover_at_least_95_pct_of_unseen_sizes() -> None:
    covered = []
    for seed in range(20):
        times, tokens = noisy(seed)
        values = times[tokens - 1]
        quantile = interval_scores([("linear", tokens, values)]).quantiles["95"]
        assert quantile is not None
        unseen = np.setdiff1d(np.arange(1, 513), tokens)
        predicted = interpolate("linear", tokens, values, unseen)
        width = half_widths(quantile, FLOOR, log_jumps(tokens, values, unseen))
        covered.append(np.mean(np.abs(np.log(predicted / times[unseen - 1])) <= width))
    assert np.mean(covered) >= 0.95 - 0.02


def test_a_half_width_has_a_floor_in_flat_brackets() -> None:
    assert half_widths(2.0, 0.01, np.array([0.0, 0.5])).tolist() == [0.02, 1.0]
