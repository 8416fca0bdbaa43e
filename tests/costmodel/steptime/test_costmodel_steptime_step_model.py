"""A step is the sum of its terms, effects included."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.blackbox import Blackbox
from moeprof.costmodel.steptime.effects import Effects
from moeprof.costmodel.steptime.own.forms import KnownForms
from moeprof.costmodel.steptime.step_model import Bound, StepModel
from moeprof.store.serving.own_forms import Form, OwnForm
from moeprof.tests.costmodel.steptime.whole_models import rows_of, served

ROWS = rows_of(served(), sizes=2)
FORM = Blackbox({"step": 3000.0, "prefill_token": 2.0, "running_request": 20.0})


def own_form(form: Form, *coefficients: float) -> OwnForm:
    """One of steps with 0.1 to 100 tokens of prompts per request."""
    domain = ((1.0, 512.0), (1.0, 9000.0), (0.1, 100.0))
    return OwnForm(
        form=form, coefficients=coefficients, domain=domain, errors={}, log_error=0.1, rows=9
    )


def test_effects_scale_every_term() -> None:
    effects = Effects({"model and engine": {"llama-3-8b | vllm | NVIDIA": np.log(1.5)}})
    plain, slower = StepModel(FORM), StepModel(FORM, effects)
    assert slower.step_us(ROWS) == pytest.approx(1.5 * plain.step_us(ROWS))
    assert slower.terms_us(ROWS)["step"] == pytest.approx([4500, 4500])


def test_no_step_is_longer_than_its_bound_and_terms_add_up_to_it() -> None:
    """Of 3,020 and 3,040 us and what prompts take: the second bound is a quarter of that."""
    free = StepModel(FORM)
    other = Blackbox({"step": 1e6, "prefill_token": 0.0, "running_request": -5e5 + 400})
    bounded = StepModel(FORM, bound=Bound(StepModel(other), lambda _: True))
    found = bounded.step_us(ROWS)
    assert found[0] == pytest.approx(free.step_us(ROWS)[0])
    assert found[1] == pytest.approx(800)
    terms, plain = bounded.terms_us(ROWS), free.terms_us(ROWS)
    assert terms["step"][1] / found[1] == pytest.approx(plain["step"][1] / free.step_us(ROWS)[1])
    elsewhere = StepModel(FORM, bound=Bound(StepModel(other), lambda one: one.tp > 1))
    assert elsewhere.step_us(ROWS) == pytest.approx(free.step_us(ROWS))
    assert bounded.pooled().step_us(ROWS) == pytest.approx(free.step_us(ROWS))


def test_single_steps_have_own_forms_that_know_no_prompts() -> None:
    known = KnownForms({served().configuration: own_form("line", 0.0, 0.0, 0.0, 0.5)})
    mean, single = StepModel(FORM, known=known), StepModel(FORM, known=known).of_single_steps()
    bounded = replace(mean, bound=Bound(mean, lambda _: True)).of_single_steps()
    ratios = [one.step_us(ROWS) / StepModel(FORM).step_us(ROWS) for one in (mean, single)]
    assert (ratios[0] > ratios[1]).all()
    assert bounded.bound is not None
    assert bounded.bound.model.step_us(ROWS) == pytest.approx(single.step_us(ROWS))
