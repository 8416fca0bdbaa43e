import numpy as np
import pytest

from moeprof.router.hull import common_pieces, hull_of, minorant_slopes

LOADS = np.array([0.0, 1.0, 2.0, 4.0])


def test_the_first_row_of_an_expert_in_use_is_its_fixed_charge() -> None:
    hull = hull_of(LOADS, np.array([[0.0, 5.0, 6.0, 8.0]]))
    assert hull.fixed == [4.0]
    assert hull.slopes[:, 0].tolist() == [1.0, 1.0, 1.0]
    assert hull.distance == [0.0]


def test_a_convex_curve_is_its_own_hull() -> None:
    hull = hull_of(LOADS, LOADS[None] ** 2)
    assert hull.fixed == [0.0]
    assert hull.slopes[:, 0].tolist() == [1.0, 3.0, 6.0]
    assert hull.distance == [0.0]


def test_a_stair_lies_above_its_hull() -> None:
    hull = hull_of(LOADS, np.array([[0.0, 2.0, 4.0, 4.0]]))
    assert hull.distance == pytest.approx([1 / 3])


def test_costs_known_at_one_load_are_linear() -> None:
    hull = hull_of(np.array([0.0, 8.0]), np.array([[0.0, 4.0]]))
    assert (hull.fixed[0], hull.slopes.tolist()) == (0.0, [[0.5]])


def test_the_minorant_is_below_the_curve_and_convex_and_touches_it() -> None:
    curves = np.random.default_rng(0).random((20, 30)).cumsum(axis=1)
    loads = np.arange(30.0)
    slopes = minorant_slopes(loads, curves)
    below = curves[:, :1] + np.column_stack([np.zeros(20), np.cumsum(slopes, axis=1)])
    assert (below <= curves + 1e-12).all()
    assert (np.diff(slopes, axis=1) >= -1e-12).all()
    assert np.allclose(below[:, -1], curves[:, -1])


def test_a_line_has_one_slope_exactly() -> None:
    loads = np.array([1.0, 3.0, 7.0, 100.0])
    slopes = minorant_slopes(loads, 1e-3 + 0.1 * loads[None] * 1e-6)
    assert np.ptp(slopes) == 0


def test_pieces_that_continue_each_other_are_one() -> None:
    """The first curve has no turn, and is cut where none is, to have as many pieces."""
    hull = hull_of(LOADS, np.array([[0.0, 1, 2, 4], [0.0, 1, 3, 7]]))
    ends, (merged,) = common_pieces(LOADS, [hull.slopes])
    assert ends.T.tolist() == [[1, 4], [1, 4]]
    assert merged.T.tolist() == [[1, 1], [1, 2]]


def test_lines_are_one_piece() -> None:
    ends, (merged,) = common_pieces(LOADS, [hull_of(LOADS, np.array([LOADS, 2 * LOADS])).slopes])
    assert ends.tolist() == [[4, 4]]
    assert merged.tolist() == [[1, 2]]
