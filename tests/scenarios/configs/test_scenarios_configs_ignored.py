"""Fields that a preset ignores: each is told, with its reason."""

from pathlib import Path

import pytest

from moeprof.scenarios.configs.ignored import ignored_fields
from moeprof.scenarios.configs.model_config import ModelConfig


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("intermediate_size", "widths and kinds of layers without experts"),
        ("first_k_dense_replace", "which layers have experts"),
        ("q_lora_rank", "attention and positions"),
        ("topk_group", "the choice of experts"),
        ("index_topk", "attention and positions"),
        ("ffn_config.moe_jitter_eps", "the choice of experts"),
        ("mamba_d_state", "other kinds of layers"),
        ("num_hidden_layers", "the number of layers"),
        ("vocab_size", "names, vocabulary and text"),
        ("rms_norm_eps", "no size"),
        ("audio_config", "another part of the model"),
        ("hc_mult", "moeprof does not know them"),
    ],
)
def test_a_field_is_told_with_its_reason(key: str, reason: str) -> None:
    (said,) = ignored_fields(ModelConfig(Path("config.json"), {key: 1}), ())
    assert said.startswith(f"ignored, {reason}")
    assert said.endswith(f": {key}")


def test_an_empty_field_is_told_as_such() -> None:
    config = ModelConfig(Path("config.json"), {"moe_latent_size": 0, "rope_scaling": None})
    assert ignored_fields(config, ()) == (
        "ignored, as they are empty: moe_latent_size, rope_scaling",
    )


def test_every_field_is_used_or_told() -> None:
    section = {key: 1 for key in ("hidden_size", "rope_theta", "odd", "vocab_size", "odder")}
    config = ModelConfig(Path("config.json"), section, "text_config", ("vision_config",))
    told = [
        key
        for line in ignored_fields(config, ["hidden_size"])
        for key in line.split(": ")[-1].split(", ")
    ]
    assert sorted(told) == ["odd", "odder", "rope_theta", "vision_config", "vocab_size"]
