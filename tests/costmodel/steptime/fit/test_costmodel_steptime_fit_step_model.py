"""The whole model is the physics times what configurations are known to add."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.step_model import fit_step_model, fit_whole
from moeprof.costmodel.steptime.step_model import StepModel
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of


def test_a_configuration_that_is_slower_is_predicted_slower() -> None:
    rows = rows_of(*many_deployments(), sizes=10)
    base = 2000 + 50 * rows.steps.running
    rows = replace(rows, step_us=np.where(rows.gpu_names == "H200", 1.3 * base, base))
    model = fit_step_model(rows)
    assert model.effects is not None
    ratio = np.exp(model.effects.log_ratio(rows))
    plain_us = StepModel(model.form).step_us(rows)
    assert model.step_us(rows) == pytest.approx(plain_us * ratio)
    assert (fit_whole(rows)(rows) == model.step_us(rows)).all()
    assert np.median(ratio[rows.gpu_names == "H200"]) > np.median(ratio[rows.gpu_names == "H100"])
