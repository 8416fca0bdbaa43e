"""A file's coefficients predict as they were fitted; what it has no fit of is refused."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.build import build_step_time
from moeprof.costmodel.steptime.prediction.from_file import step_model_of
from moeprof.costmodel.steptime.prediction.predict import predict_steps
from moeprof.costmodel.steptime.rows.gate import Refused
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.prediction.sixteen import file_of_sixteen
from moeprof.tests.costmodel.steptime.whole_models import (
    many_deployments,
    mixed_steps,
    rows_of,
    served,
    timed_rows,
)

STEPS = mixed_steps([1.0, 4.0, 8.0])


def test_a_model_predicts_as_it_was_fitted() -> None:
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    off = np.abs(step_model_of(file_of_sixteen(), "mean").step_us(rows) / rows.step_us - 1)
    assert np.median(off) < 0.05


def test_a_kind_of_step_that_was_not_fitted_is_refused_with_its_reason() -> None:
    rows = timed_rows(rows_of(*many_deployments(), sizes=4))
    file = build_step_time(replace(rows, decode_us=rows.step_us), Refused(64, {}), {}, "decode")
    with pytest.raises(BadInput, match="no fit of mean steps: only decode was asked for"):
        predict_steps(file, served(), STEPS)
