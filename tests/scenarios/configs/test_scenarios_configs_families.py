"""What the code of a family alone says of its layers."""

from pathlib import Path

import pytest

from moeprof.scenarios.configs.families import (
    BIASED,
    NOT_RENORMALISED,
    SIGMOID,
    family,
    shared_width,
    told_of_gate,
)
from moeprof.scenarios.configs.model_config import ModelConfig


def config_of(**section: object) -> ModelConfig:
    return ModelConfig(Path("config.json"), section)


def test_a_language_model_inside_another_is_of_its_family() -> None:
    assert family(config_of(model_type="llama4_text")) == "llama4"
    assert family(config_of()) == "None"


def test_a_family_has_one_router() -> None:
    assert not BIASED & SIGMOID
    assert not NOT_RENORMALISED & (BIASED | SIGMOID)


@pytest.mark.parametrize(
    ("section", "field"),
    [
        ({"model_type": "llama4_text"}, "intermediate_size"),
        ({"model_type": "arctic"}, "hidden_size"),
        ({"model_type": "git", "residual_moe": True}, "intermediate_size"),
        ({"model_type": "mixtral"}, None),
    ],
)
def test_a_shared_expert_that_no_key_names_has_its_width(
    section: dict[str, object], field: str | None
) -> None:
    assert shared_width(config_of(**section))[0] == field


def test_a_gate_is_told_of_where_the_model_has_none() -> None:
    assert told_of_gate(config_of(model_type="mixtral")) is None
    said = told_of_gate(config_of(model_type="nemotron_h"))
    assert said is not None
    assert "of which the model has 2" in said
