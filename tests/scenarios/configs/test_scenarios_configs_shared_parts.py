"""Shared experts from a config.json: what counts, and what is left out."""

from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.configs.model_config import ModelConfig
from moeprof.scenarios.configs.shared_parts import shared_ffn


def _config(**section: Any) -> ModelConfig:
    return ModelConfig(Path("config.json"), section)


@pytest.mark.parametrize(
    ("section", "width"),
    [
        ({"n_shared_experts": 1}, 768),
        ({"moe_num_shared_experts": 2}, 1536),  # ERNIE 4.5
        ({"num_shared_expert": [1, 1, 1]}, 768),  # Hunyuan
        ({"shared_expert_intermediate_size": 5632}, 5632),  # Qwen2-MoE
        ({"n_shared_experts": 1, "moe_shared_expert_intermediate_size": 3712}, 3712),  # Nemotron-H
        ({"num_shared_experts": 2, "shared_intermediate_size": 1536}, 1536),
        ({"n_shared_experts": 0}, None),
        ({"shared_intermediate_size": 0}, None),  # MiniMax-Text
        ({}, None),
        ({"model_type": "llama4_text", "intermediate_size": 8192}, 8192),
        ({"model_type": "gemma4_text", "intermediate_size": 2112}, 2112),
        ({"model_type": "hunyuan_v1_moe", "num_shared_expert": 1, "intermediate_size": 9}, 768),
        ({"residual_moe": True, "intermediate_size": 32768}, 32768),  # Grok
    ],
)
def test_shared_experts_have_a_width_together(section: dict[str, Any], width: int | None) -> None:
    assert shared_ffn(_config(**section), 768) == (width, None)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            {"n_shared_experts": 2, "share_expert_dim": 512},
            "2 of width 512",
        ),
        ({"n_shared_experts": "two"}, "n_shared_experts is 'two'"),
        ({"n_shared_experts": 1, "moe_latent_size": 512}, "they work on the model's width"),
    ],
)
def test_shared_experts_that_are_not_known_are_left_out(section: dict[str, Any], said: str) -> None:
    width, why = shared_ffn(_config(**section), 768)
    assert width is None
    assert why is not None
    assert said in why
