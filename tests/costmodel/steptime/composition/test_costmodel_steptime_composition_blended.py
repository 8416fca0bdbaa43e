"""A blend lies between both steps, and refuses kernels that it was not fitted to."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.blackbox import Blackbox
from moeprof.costmodel.steptime.composition.blended import BlendedSteps
from moeprof.costmodel.steptime.composition.composed import TERMS
from moeprof.costmodel.steptime.composition.kernels import ModelKernels
from moeprof.costmodel.steptime.fit.physics.law import fit_physics
from moeprof.costmodel.steptime.step_model import StepModel
from moeprof.store.errors import BadInput
from moeprof.store.serving.kernel_fit import Blend, KernelFit
from moeprof.store.serving.step_time_model import OwnSpread, StepFit
from moeprof.tests.costmodel.steptime.composition.h200_kernels import h200_kernels
from moeprof.tests.costmodel.steptime.whole_models import (
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    many_deployments,
    rows_of,
    served,
    timed_rows,
)

KERNELS = KernelFit(
    device="NVIDIA H200", arithmetic="bf16", sha256="", coefficients=dict.fromkeys(TERMS, 1.0),
    known=Blend(0.5, {}, {}), unseen=Blend(0.0, {}, {}), rows=30, configurations=5,
    converted=0, refused={},
)  # fmt: skip
FIT = StepFit(
    method="physics", physics=None, srfa=None, blackbox=None, baseline={}, units={}, only_as_sum=(),
    hyperparameters={}, scores={}, models=(LLAMA_3_8B.name,), gpus=(), engines=(), domain={},
    factors={}, spread=OwnSpread((), 1.0), rows=30, configurations=5, kernels=KERNELS,
)  # fmt: skip
ROWS = rows_of(served(LLAMA_3_8B, "H200"), served(MIXTRAL_8X7B, "H200"))
MODEL = StepModel(fit_physics(timed_rows(rows_of(*many_deployments()))))


def test_a_known_model_lies_between_and_an_unseen_one_stays() -> None:
    blended = BlendedSteps.of(MODEL, FIT, h200_kernels())
    physics, kernels = MODEL.step_us(ROWS), blended.composed.step_us(ROWS)
    found = blended.step_us(ROWS)
    assert found[:8] == pytest.approx(np.sqrt(physics * kernels)[:8])
    assert found[8:] == pytest.approx(physics[8:])
    assert set(blended.terms_us(ROWS)) == set(MODEL.terms_us(ROWS))


def test_a_weight_of_one_is_the_composed_step() -> None:
    whole = replace(FIT, kernels=replace(KERNELS, known=Blend(1.0, {}, {})))
    blended = BlendedSteps.of(MODEL, whole, h200_kernels())
    assert blended.step_us(ROWS)[:8] == pytest.approx(blended.composed.step_us(ROWS)[:8])


def test_without_a_fit_of_these_kernels_nothing_is_blended() -> None:
    with pytest.raises(BadInput, match="was fitted without kernels") as caught:
        BlendedSteps.of(MODEL, replace(FIT, kernels=None), h200_kernels())
    assert "--kernel-model" in caught.value.hint
    with pytest.raises(BadInput, match="was fitted with other kernels, of NVIDIA H200"):
        BlendedSteps.of(MODEL, FIT, ModelKernels(h200_kernels().model, "another"))
    other = StepModel(Blackbox({"step": 1.0, "prefill_token": 1.0, "running_request": 1.0}))
    with pytest.raises(BadInput, match="was fitted without kernels"):
        BlendedSteps.of(other, FIT, h200_kernels())
