"""A step is the sum of its terms, effects included."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.blackbox import Blackbox
from moeprof.costmodel.steptime.effects import Effects
from moeprof.costmodel.steptime.step_model import StepModel
from moeprof.tests.costmodel.steptime.whole_models import rows_of, served

ROWS = rows_of(served(), sizes=2)
FORM = Blackbox({"step": 3000.0, "prefill_token": 2.0, "running_request": 20.0})


def test_effects_scale_every_term() -> None:
    effects = Effects({"model and engine": {"llama-3-8b | vllm | NVIDIA": np.log(1.5)}})
    plain, slower = StepModel(FORM), StepModel(FORM, effects)
    assert slower.step_us(ROWS) == pytest.approx(1.5 * plain.step_us(ROWS))
    assert slower.terms_us(ROWS)["step"] == pytest.approx([4500, 4500])
