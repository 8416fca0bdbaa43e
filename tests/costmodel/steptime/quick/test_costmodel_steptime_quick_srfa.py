"""The quick form of SRFA gives what its vectorised form gives, to 1e-9."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.deployment import Deployment, Split
from moeprof.costmodel.steptime.features.steps import Array, Steps
from moeprof.costmodel.steptime.prediction.asked_rows import as_rows
from moeprof.costmodel.steptime.quick.srfa import QuickSrfa
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.costmodel.steptime.srfa.features import COMPUTED, FIXED
from moeprof.costmodel.steptime.srfa.form import Srfa
from moeprof.costmodel.steptime.step_model import StepModel
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    GEMMA_2_9B,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    served,
)

MOST = 300
LAW = Srfa(
    dict(zip(FIXED, (100.0, 60.0, 30.0, 50.0), strict=True)),
    2.0,
    dict(zip(COMPUTED, (-400.0, 0.9, 2.5, 1.2, 300.0, 40.0, 5000.0, 1.3), strict=True)),
)
# So far below 0 that softplus is not the identity.
NEGATIVE = replace(LAW, beta={name: value / 1e3 for name, value in LAW.beta.items()})


@pytest.mark.parametrize("law", [LAW, NEGATIVE], ids=["linear", "near 0"])
@pytest.mark.parametrize(
    "one",
    [
        served(LLAMA_3_8B),
        served(MIXTRAL_8X7B, "H200", split=Split(tp=2)),
        served(DEEPSEEK_V3, "B200", "fp8", split=Split(ep=8, dp=8)),
        served(GEMMA_2_9B, "A100-80G"),
    ],
    ids=lambda one: str(one.model.name),
)
def test_it_agrees_with_the_vectorised_form(one: Deployment, law: Srfa) -> None:
    def rows(steps: Steps) -> ServingRows:
        return as_rows(one, steps)

    def added_us(steps: Steps) -> Array:
        return 3.0 * steps.running

    def whole(steps: Steps) -> Array:
        return StepModel(law).step_us(rows(steps)) + added_us(steps)

    quick = QuickSrfa.of(law, rows, added_us, one, MOST)
    assert quick.agrees(whole)
    assert not quick.agrees(lambda steps: whole(steps) + 1)
    none = np.zeros(1)
    idle = whole(Steps(none, none, none, none, none))
    assert quick.step_us(0, 0.0, 0.0, 0.0) == pytest.approx(idle[0])
