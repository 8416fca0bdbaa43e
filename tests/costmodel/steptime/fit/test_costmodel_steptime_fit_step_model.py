"""The whole model is the physics times what configurations are known to add."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.fit.step_model import fit_step_model
from moeprof.costmodel.steptime.step_model import StepModel
from moeprof.device.peaks import gpu_sheet
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
    assert np.median(ratio[rows.gpu_names == "H200"]) > np.median(ratio[rows.gpu_names == "H100"])


@pytest.mark.parametrize(("configurations", "some"), [(3, False), (12, True)])
def test_few_configurations_of_another_vendor_tell_no_effects(
    configurations: int, some: bool
) -> None:
    others = [
        replace(one, gpu=gpu_sheet("MI300X"), tp=2 ** (at // 4))
        for at, one in enumerate(many_deployments()[:configurations])
    ]
    rows = rows_of(*many_deployments(), *others)
    rng = np.random.default_rng(0)
    rows = replace(rows, step_us=5000 * np.exp(0.2 * rng.standard_normal(len(rows))))
    effects = fit_step_model(rows).effects
    assert effects is not None
    ratios = effects.log_ratio(rows)
    assert ratios[rows.vendors == "NVIDIA"].all()
    assert ratios[rows.vendors == "AMD"].any() == some
