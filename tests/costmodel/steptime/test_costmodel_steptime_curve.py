"""Points are those of the predictions, and the front is what no other point beats in both."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.steptime.curve import CurvePoint, EnergyCurve, curve_points, with_front
from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.power import tdp_w
from moeprof.costmodel.steptime.prediction.predict import predict_steps
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.tests.costmodel.steptime.whole_models import (
    many_deployments,
    mixed_steps,
    rows_of,
    served,
    timed_rows,
)


def point(ms: float, joules: float | None, split: str = "tp1") -> CurvePoint:
    """A point of which only time and energy matter."""
    return CurvePoint(split, 1, 1, ms, None, None, joules, None, None, None, 1.0, False)


def test_points_have_the_step_the_energy_and_their_intervals() -> None:
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    rows = replace(rows, power_w=0.6 * tdp_w(rows))
    file, steps = build_step_time(rows, Refused(64, {}), {}), mixed_steps([1.0, 4.0, 4.0, 8.0])
    found = predict_steps(file, served(), steps)
    points = curve_points("tp1", 1, steps, found)
    assert [one.batch for one in points] == [1, 4, 8]
    last = points[-1]
    assert last.ms_per_token * 1e3 == pytest.approx(found.step_us[3])
    assert found.high_us is not None
    assert last.high_ms == pytest.approx(found.high_us[3] / 1e3)
    assert last.j_per_token is not None
    assert last.power_w is not None
    assert last.j_per_token == pytest.approx(last.power_w * last.ms_per_token / 1e3 / 8)
    assert last.low_j is not None
    assert last.low_j < last.j_per_token
    assert not last.extrapolated


def test_a_point_that_another_beats_in_both_is_off_the_front() -> None:
    made = with_front([point(1, 9), point(2, 4), point(3, 5), point(4, 3), point(0.5, None)])
    assert [one.on_front for one in made] == [True, True, False, True, False]
    curve = EnergyCurve("m", "r", tuple(reversed(made)), (), ())
    assert [one.ms_per_token for one in curve.front] == [1, 2, 4]


def test_equal_points_share_the_front() -> None:
    assert [one.on_front for one in with_front([point(1, 2), point(1, 2)])] == [True, True]


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=30))
def test_every_point_is_beaten_by_one_of_the_front_or_on_it(pairs: list[tuple[int, int]]) -> None:
    made = with_front([point(ms, joules) for ms, joules in pairs])
    front = np.asarray([(one.ms_per_token, one.j_per_token) for one in made if one.on_front])
    for one in made:
        pair = np.asarray([one.ms_per_token, one.j_per_token], dtype=np.float64)
        assert (front <= pair).all(axis=1).any()
        if one.on_front:
            assert not ((front <= pair).all(axis=1) & (front < pair).any(axis=1)).any()
