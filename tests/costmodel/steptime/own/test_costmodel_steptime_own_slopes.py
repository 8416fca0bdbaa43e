"""No line makes a step fall that grows with its requests, its context or its prompts."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.steptime.features.steps import Array, Steps
from moeprof.costmodel.steptime.own.calibration import Spread, lines_of
from moeprof.costmodel.steptime.own.slopes import bounded_line, least_slopes
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of

ROWS = rows_of(many_deployments()[0])
SPREAD = Spread(np.diag([0.05, 0.01, 0.01, 0.01]), 0.01)
NONE = np.full(3, -np.inf)


def powers(rows: ServingRows) -> Array:
    """A step of powers of the requests (0.5), the context (0.2), and prompts per request (0.1)."""
    steps = rows.steps
    prompts = np.where(steps.prefill_tokens > 0, steps.prefill_tokens / steps.running, 1.0)
    return np.asarray(steps.running**0.5 * steps.context_tokens**0.2 * prompts**0.1)


def test_a_line_falls_by_no_more_than_the_step_grows() -> None:
    least = least_slopes(ROWS, {"one": np.arange(len(ROWS))}, powers)["one"]
    assert least == pytest.approx([-0.5, -0.2, -0.1], abs=2e-3)


def test_steps_that_decode_alone_bound_no_slope_over_prompts() -> None:
    alone = Steps.decode(ROWS.steps.running, ROWS.steps.context_tokens)
    rows = replace(ROWS, steps=alone)
    least = least_slopes(rows, {"one": np.arange(len(rows))}, powers)["one"]
    assert least == pytest.approx([-0.5, -0.2, -np.inf], abs=2e-3)


def test_a_step_that_falls_itself_may_not_be_made_to_fall_more() -> None:
    least = least_slopes(ROWS, {"one": np.arange(8)}, lambda rows: 1 / powers(rows))["one"]
    assert least.tolist() == [0.0, 0.0, 0.0]


@settings(deadline=None)
@given(
    ratios=st.lists(st.floats(-1, 1), min_size=8, max_size=8),
    least=st.lists(st.floats(-0.5, 0), min_size=3, max_size=3),
)
def test_a_line_has_the_slopes_that_are_allowed_and_is_the_likeliest_where_all_are(
    ratios: list[float], least: list[float]
) -> None:
    lines, points = lines_of(ROWS.steps), np.asarray(ratios)
    found = bounded_line(SPREAD, lines, points, np.asarray(least))
    assert (found[1:] >= np.asarray(least) - 1e-6).all()
    free, _ = SPREAD.posterior(lines, points)
    assert bounded_line(SPREAD, lines, points, NONE) == pytest.approx(free)
    if (free[1:] >= np.asarray(least)).all():
        assert found == pytest.approx(free)
