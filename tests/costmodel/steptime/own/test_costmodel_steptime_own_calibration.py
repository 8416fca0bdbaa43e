"""Own points move the level, then the slope; none move nothing."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.steps import Steps
from moeprof.costmodel.steptime.own.calibration import Spread, lines_of
from moeprof.tests.costmodel.steptime.whole_models import mixed_steps

BATCHES = [2.0**at for at in range(10)]


@pytest.fixture(scope="module")
def spread() -> Spread:
    """Learnt from forty configurations, whose level differs by 20 % and slope by 0.1."""
    rng = np.random.default_rng(0)
    steps = mixed_steps(BATCHES * 40)
    level, slope = (scale * rng.standard_normal(40).repeat(10) for scale in (0.2, 0.1))
    ratios = level + slope * np.log(steps.running / 16) + 0.03 * rng.standard_normal(400)
    return Spread.fitted(steps, ratios, np.repeat(np.arange(40).astype(str), 10))


def taken(steps: Steps, *places: int) -> Steps:
    """Some of the steps."""
    return steps.taken(np.asarray(places, dtype=np.intp))


def test_the_spread_of_configurations_is_learnt(spread: Spread) -> None:
    level, slope = np.sqrt(np.diag(spread.covariance))[:2]
    assert 0.1 < level + slope < 0.5
    assert np.sqrt(spread.noise) == pytest.approx(0.03, rel=0.3)


def test_errors_fall_with_own_points(spread: Spread) -> None:
    asked = mixed_steps(BATCHES)
    truth = 0.3 + 0.1 * np.log(asked.running / 16)
    errors = []
    for places in ((4,), (1, 4, 8)):
        own = taken(asked, *places)
        found = spread.log_ratio(own, truth[list(places)], asked)
        errors.append(np.abs(found - truth).mean())
    assert errors[1] < 0.5 * errors[0] < 0.5 * np.abs(truth).mean()


def test_a_point_that_agrees_changes_nothing(spread: Spread) -> None:
    asked = mixed_steps(BATCHES)
    assert spread.log_ratio(taken(asked, 3), np.zeros(1), asked) == pytest.approx(0)


def test_the_deviation_falls_with_points_near_what_is_asked(spread: Spread) -> None:
    asked = mixed_steps(BATCHES)
    none = np.sqrt(np.diag(lines_of(asked) @ spread.covariance @ lines_of(asked).T) + spread.noise)
    found = []
    for places in ((4,), (1, 4, 8)):
        own = taken(asked, *places)
        found.append(spread.line(own, np.zeros(len(places))).deviation(asked))
    assert (found[1] < found[0]).all()
    assert (found[0] < none).all()
    assert found[0][4] < found[0][0]


def test_points_that_nobody_expects_move_as_far_and_leave_more_doubt(spread: Spread) -> None:
    asked = mixed_steps(BATCHES)
    own = taken(asked, 4)
    near, far = (spread.line(own, np.full(1, at)) for at in (0.1, 2.0))
    assert far.log_ratio(asked) == pytest.approx(20 * near.log_ratio(asked))
    left = 2.0 - far.log_ratio(own)
    assert left < 1.645 * far.deviation(own)
    assert (far.deviation(asked) > 3 * near.deviation(asked)).all()


def test_few_rows_leave_the_first_guess() -> None:
    steps = mixed_steps([1.0, 2.0])
    found = Spread.fitted(steps, np.zeros(2), np.asarray(["a", "a"]))
    assert np.diag(found.covariance) == pytest.approx([0.02] * 4)
