"""Half widths follow from noise, log-jumps and left-out errors; a knot's own counts at the knot."""

import numpy as np
import pytest

from moeprof.costmodel.curve.intervals import (
    MOST_JUMP,
    PRIOR,
    bracket_left_out,
    error_scales,
    half_widths,
    knot_half_widths,
)
from moeprof.stats.conformal import COVERAGES_PCT

KNOTS = np.array([1, 10, 20], dtype=np.int64)
ASKED = np.array([1, 5, 10, 15, 20], dtype=np.int64)


def test_the_parts_of_a_scale_add_in_quadrature() -> None:
    found = error_scales(0.03, 0.2, np.array([0.0, 0.2, 0.0]), np.array([0.0, 0.0, 0.12]))
    assert found == pytest.approx([0.03, 0.05, 0.05])


def test_a_jump_counts_up_to_a_limit() -> None:
    jumps = np.array([MOST_JUMP, 3.0])
    assert len(set(error_scales(0.01, 1.0, jumps, np.zeros(2)).tolist())) == 1


def test_between_two_knots_both_left_out_errors_count_and_at_a_knot_none() -> None:
    found = bracket_left_out(KNOTS, np.array([0.1, 0.0, 0.2]), ASKED)
    assert found == pytest.approx([0.0, 0.1 / 2**0.5, 0.0, 0.2 / 2**0.5, 0.0])


def test_a_half_width_is_the_quantile_times_the_scale_and_at_most_a_million_times() -> None:
    assert half_widths(2.0, np.array([0.01, 0.5])).tolist() == [0.02, 1.0]
    assert half_widths(2.0, np.array([1e9])) == pytest.approx(np.log(1e6))


def test_a_knot_is_as_wide_as_its_calls_unless_the_others_agree_with_it() -> None:
    scattered, steady = 0.7, 0.01
    own = knot_half_widths((scattered, scattered, steady, None), (0.5, 0.02, 0.5, 0.5), 95)
    assert own is not None
    assert own.tolist() == pytest.approx([scattered, PRIOR[95] * 0.02, steady, 0.0])


def test_a_knot_of_an_old_file_is_as_wide_as_its_calls() -> None:
    own, half = (knot_half_widths((0.7, None), None, percent) for percent in (95, 50))
    assert own is not None
    assert half is not None
    assert own.tolist() == [0.7, 0.0]
    assert 0 < half[0] < own[0]
    assert knot_half_widths(None, None, 95) is None


def test_the_prior_is_the_quantiles_of_students_t() -> None:
    stats = pytest.importorskip("scipy.stats")
    for percent in COVERAGES_PCT:
        assert PRIOR[percent] == pytest.approx(stats.t.ppf(0.5 + percent / 200, 3), abs=5e-4)
