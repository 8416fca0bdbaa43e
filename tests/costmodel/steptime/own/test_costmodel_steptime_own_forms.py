"""Own forms move the steps of their configuration alone, and stay put beyond its range."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.blackbox import Blackbox
from moeprof.costmodel.steptime.effects import Effects
from moeprof.costmodel.steptime.own.forms import KnownForms, known_forms, own_name
from moeprof.costmodel.steptime.prediction.asked_rows import as_rows
from moeprof.costmodel.steptime.step_model import StepModel
from moeprof.store.serving.own_forms import Form, OwnForm, OwnForms
from moeprof.store.serving.step_time_model import StepFit, StepTimeFile, Target
from moeprof.tests.costmodel.steptime.known.one_fit import FIT
from moeprof.tests.costmodel.steptime.whole_models import decode_steps, mixed_steps, served

STEPS = decode_steps([1.0, 2.0, 8.0, 64.0])
POOLED = Blackbox({"step": 10_000.0, "prefill_token": 1.0, "running_request": 100.0})


def own_form(form: Form, *coefficients: float) -> OwnForm:
    """One of steps of 2 to 8 requests."""
    return OwnForm(
        form=form,
        coefficients=coefficients,
        domain=((2.0, 8.0), (1000.0, 1000.0), (0.0, 0.0)),
        errors={},
        log_error=0.1,
        rows=9,
    )


def model_with(form: OwnForm, version: str = "") -> StepModel:
    """The pooled blackbox, engines of version 2 a fifth slower, and a form of its own."""
    configuration = served().configuration
    name = own_name(configuration, version) if version else configuration
    effects = Effects({"engine and version": {"vllm | 2 | NVIDIA": np.log(1.2)}})
    return StepModel(POOLED, effects, KnownForms({name: form}))


def test_a_line_moves_level_and_slope_in_the_range_and_by_as_much_beyond() -> None:
    model = model_with(own_form("line", np.log(1.5), 0.5, 0.0, 0.0))
    ratio = model.step_us(as_rows(served(), STEPS)) / POOLED_US
    at_two, at_eight = 1.5 * (2 / 16) ** 0.5, 1.5 * (8 / 16) ** 0.5
    assert ratio == pytest.approx([at_two, at_two, at_eight, at_eight])


def test_a_blackbox_takes_the_place_of_the_pooled_step_in_its_range() -> None:
    model = model_with(own_form("blackbox", 5000.0, 0.0, 2000.0))
    found = model.step_us(as_rows(served(), STEPS))
    assert found[1:3] == pytest.approx([9000, 21_000])
    assert found[[0, 3]] / POOLED_US[[0, 3]] == pytest.approx(found[[1, 2]] / POOLED_US[[1, 2]])


POOLED_US = StepModel(POOLED).step_us(as_rows(served(), STEPS))


def test_parts_are_moved_alike_and_other_configurations_are_not() -> None:
    model = model_with(own_form("blackbox", 5000.0, 0.0, 2000.0))
    rows = as_rows(served(), STEPS)
    terms, plain = model.terms_us(rows), model.pooled().terms_us(rows)
    shares = terms["step"] / sum(terms.values())
    assert shares == pytest.approx(plain["step"] / sum(plain.values()))
    other = as_rows(served(gpu="H200"), STEPS)
    assert model.step_us(other) == pytest.approx(model.pooled().step_us(other))
    same = model_with(own_form("pooled"))
    assert same.step_us(rows) == pytest.approx(POOLED_US)


def test_the_effect_of_a_version_is_in_the_own_form_not_beside_it() -> None:
    model = model_with(own_form("line", np.log(1.5), 0.0, 0.0, 0.0))
    told = [model.step_us(as_rows(served(), STEPS, version)) for version in ("", "2")]
    assert told[0] == pytest.approx(1.5 * POOLED_US)
    assert told[1] == pytest.approx(told[0])
    of_version = model_with(own_form("line", np.log(2.0), 0.0, 0.0, 0.0), "2")
    assert of_version.step_us(as_rows(served(), STEPS, "2")) == pytest.approx(2 * POOLED_US)
    assert of_version.step_us(as_rows(served(), STEPS)) == pytest.approx(POOLED_US)


def test_rows_of_many_are_moved_each_by_its_own() -> None:
    model = model_with(own_form("line", np.log(1.5), 0.0, 0.0, 0.0))
    one = as_rows(served(), STEPS)
    both = replace(one, deployments=(served(), served(gpu="H200")), which=np.asarray([0, 1, 0, 1]))
    assert model.step_us(both) / POOLED_US == pytest.approx([1.5, 1, 1.5, 1])


@pytest.mark.parametrize(
    ("form", "coefficients"),
    [("line", (0.1, 0.2, 0.0, 0.3)), ("blackbox", (5000.0, 40.0, 90.0))],
    ids=["line", "blackbox"],
)
def test_without_prompts_a_ratio_is_the_same_whatever_prompts_a_step_holds(
    form: Form, coefficients: tuple[float, ...]
) -> None:
    own = replace(own_form(form, *coefficients), domain=((2.0, 8.0), (1.0, 2000.0), (0.1, 9.0)))
    known = KnownForms({served().configuration: own})
    found = StepModel(POOLED, known=known.without_prompts())
    alone, mixed = (as_rows(served(), one) for one in (STEPS, mixed_steps([1.0, 2.0, 8.0, 64.0])))
    ratios = [found.step_us(one) / StepModel(POOLED).step_us(one) for one in (alone, mixed)]
    assert ratios[0] == pytest.approx(ratios[1])
    with_prompts = StepModel(POOLED, known=known)
    assert with_prompts.step_us(alone) == pytest.approx(found.step_us(alone))
    assert (with_prompts.step_us(mixed) != found.step_us(mixed)).all()


def test_decode_steps_have_the_own_forms_of_mean_steps_where_they_have_none() -> None:
    def fit_with(**forms: OwnForm) -> StepFit:
        return replace(FIT, own=OwnForms(forms, {"90": 2.0}, {}))

    mean, decode = own_form("line", 0.1, 0.0, 0.0, 0.2), own_form("pooled")
    steps: dict[Target, StepFit] = {
        "mean": fit_with(both=mean, mean=mean),
        "decode": fit_with(both=decode, decode=decode),
    }
    file = StepTimeFile(
        steps=steps, absent={}, models=(), gpus=(), power=None, refused={}, left_out={}, files={},
        fingerprints="",
    )  # fmt: skip
    of_decode, of_mean = known_forms(file, "decode"), known_forms(file, "mean")
    assert of_decode is not None
    assert of_mean is not None
    assert {name: form.form for name, form in of_decode.by_name.items()} == {
        "both": "pooled", "mean": "line", "decode": "pooled",
    }  # fmt: skip
    assert set(of_mean.by_name) == {"both", "mean"}
    assert known_forms(replace(file, steps={"mean": FIT}), "mean") is None
