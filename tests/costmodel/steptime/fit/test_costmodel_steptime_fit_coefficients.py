"""Coefficients are written with their units, and predict the same when they are read."""

from dataclasses import replace

import pytest

from moeprof.costmodel.steptime.blackbox import Blackbox
from moeprof.costmodel.steptime.effects import Effects
from moeprof.costmodel.steptime.fit.coefficients import coefficients_of
from moeprof.costmodel.steptime.physics import Physics
from moeprof.costmodel.steptime.srfa.features import COMPUTED, FIXED
from moeprof.costmodel.steptime.srfa.form import Srfa
from moeprof.costmodel.steptime.step_model import StepModel

PHYSICS = Physics({"kv": 1.1, "layers": 30.0}, {"vllm": {"layers": 40.0}}, {"AMD": {"kv": 2.0}})
EFFECTS = Effects({"model and engine": {"a | vllm": 0.1}}, frozenset("a"), frozenset("b"))
SRFA = Srfa(dict.fromkeys(FIXED, 1.0), 1.5, dict.fromkeys(COMPUTED, -1.0))


@pytest.mark.parametrize(
    ("model", "method", "units"),
    [
        (StepModel(PHYSICS, EFFECTS), "physics", {"kv": "1", "layers": "us"}),
        (StepModel(SRFA), "srfa", {"kv_time": "1", "log_batch": "us", "base": "us"}),
        (StepModel(Blackbox({"step": 9.0})), "blackbox", {"step": "us"}),
    ],
)
def test_each_form_fills_its_own_field_and_has_units(
    model: StepModel, method: str, units: dict[str, str]
) -> None:
    fields = coefficients_of(model)
    forms = ("physics", "srfa", "blackbox")
    assert [name for name in forms if fields[name] is not None] == [method]
    assert units.items() <= fields["units"].items()


def test_effects_and_engines_are_kept() -> None:
    terms = coefficients_of(StepModel(PHYSICS, EFFECTS))["physics"]
    assert terms.by_engine == {"vllm": {"layers": 40.0}}
    assert terms.by_vendor == {"AMD": {"kv": 2.0}}
    assert terms.effects == {"model and engine": {"a | vllm": 0.1}}
    assert coefficients_of(StepModel(replace(PHYSICS)))["physics"].effects == {}
