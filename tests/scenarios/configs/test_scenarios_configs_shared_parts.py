"""Shared experts and attention from a config.json: what counts, and what is left out."""

from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.configs.model_config import ModelConfig
from moeprof.scenarios.configs.shared_parts import attention_heads, shared_ffn


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


@pytest.mark.parametrize(
    ("section", "heads"),
    [
        ({"num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64}, [32, 8, 64]),
        ({"num_attention_heads": 32, "hidden_size": 4096}, [32, 32, 128]),
        ({"n_heads": 48, "kv_n_heads": 8, "d_model": 6144}, [48, 8, 128]),  # DBRX
        ({"num_attention_heads": 64, "num_attention_groups": 1, "head_dim": 256}, [64, 1, 256]),
        ({}, []),
    ],
)
def test_attention_has_heads(section: dict[str, Any], heads: list[int]) -> None:
    found, why = attention_heads(_config(**section))
    assert (list(found.values()), why) == (heads, None)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"num_attention_heads": 128, "hidden_size": 7168, "kv_lora_rank": 512}, r"latent \(MLA\)"),
        ({"num_attention_heads": 32, "hidden_size": 4096, "moe_latent_size": 1024}, "latent width"),
        ({"num_attention_heads": 7, "hidden_size": 4096}, "contradict"),
        ({"num_attention_heads": 8, "num_key_value_heads": 3, "head_dim": 64}, "contradict"),
        ({"num_attention_heads": [8, 16]}, "several sizes: 8, 16"),
    ],
)
def test_attention_that_has_no_such_sizes_is_left_out(section: dict[str, Any], said: str) -> None:
    found, why = attention_heads(_config(**section))
    assert found == {}
    assert why is not None
    assert said.replace("\\", "") in why
