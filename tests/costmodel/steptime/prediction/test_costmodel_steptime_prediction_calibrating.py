"""Own steps move what is predicted of others."""

import numpy as np

from moeprof.costmodel.steptime.own.points import OwnSteps
from moeprof.costmodel.steptime.prediction.predict import predict_steps
from moeprof.tests.costmodel.steptime.prediction.sixteen import file_of_sixteen
from moeprof.tests.costmodel.steptime.whole_models import mixed_steps, served

STEPS = mixed_steps([1.0, 4.0, 8.0])


def test_own_steps_move_the_prediction_towards_them() -> None:
    file = file_of_sixteen()
    plain = predict_steps(file, served(), STEPS).step_us
    own = OwnSteps(STEPS.taken(np.asarray([1])), 1.5 * plain[1:2])
    moved = predict_steps(file, served(), STEPS, own=own).step_us
    assert (moved > 1.02 * plain).all()
    assert (moved < 1.6 * plain).all()
