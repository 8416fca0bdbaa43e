"""The whole model is the physics times what configurations are known to add."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.steps import Steps
from moeprof.costmodel.steptime.fit.step_model import fit_step_model, mean_beside
from moeprof.costmodel.steptime.fit.targets import rows_telling
from moeprof.costmodel.steptime.rows.serving_rows import columns_of
from moeprof.costmodel.steptime.step_model import StepModel
from moeprof.device.peaks import gpu_sheet
from moeprof.tests.costmodel.steptime.whole_models import many_deployments, rows_of, timed_rows


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


def test_decode_steps_of_a_model_without_any_follow_mean_steps_of_its_kind() -> None:
    """Layers with a latent cache take 300 us more, which only mean steps tell."""
    rows = timed_rows(rows_of(*many_deployments(), sizes=8))
    rows = rows.timed(rows.step_us + 300 * columns_of(rows)["latent_layers"])
    is_latent = rows.models == "deepseek-v3"
    both = replace(rows, decode_us=np.where(is_latent, np.nan, 0.9 * rows.step_us))
    decode = rows_telling(both, "decode")
    alone = Steps.decode(rows.steps.running, rows.steps.context_tokens)
    asked = replace(rows, steps=alone).taken(np.flatnonzero(is_latent))
    drawn, apart = fit_step_model(decode), fit_step_model(replace(decode, beside=None))
    told, lost = (np.log(one.step_us(asked) / (0.9 * asked.step_us)) for one in (drawn, apart))
    assert np.abs(told).mean() < 0.5 * np.abs(lost).mean()


def test_nothing_is_drawn_to_mean_steps_that_are_too_few() -> None:
    rows = timed_rows(rows_of(*many_deployments()[:3], sizes=8))
    decode = rows_telling(replace(rows, decode_us=0.9 * rows.step_us), "decode")
    assert mean_beside(decode) is None
    assert mean_beside(replace(decode, beside=None)) is None
