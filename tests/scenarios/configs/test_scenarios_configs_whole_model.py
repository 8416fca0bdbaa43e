"""Whole models are read from config.json files, to their published parameters."""

import json
from pathlib import Path
from typing import Any

import pytest

from moeprof.costmodel.steptime.features.parameters import total_parameters
from moeprof.scenarios.configs.whole_model import whole_model
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.whole_models import DEEPSEEK_V3, LLAMA_3_8B, MIXTRAL_8X7B

LLAMA: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
    "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
    "vocab_size": 128256, "tie_word_embeddings": False,
}  # fmt: skip
MIXTRAL = LLAMA | {
    "model_type": "mixtral", "num_local_experts": 8, "num_experts_per_tok": 2, "vocab_size": 32000,
    "sliding_window": None,
}  # fmt: skip
DEEPSEEK: dict[str, Any] = {
    "model_type": "deepseek_v3", "hidden_size": 7168, "intermediate_size": 18432,
    "moe_intermediate_size": 2048, "n_routed_experts": 256, "n_shared_experts": 1,
    "num_experts_per_tok": 8, "first_k_dense_replace": 3, "moe_layer_freq": 1,
    "num_attention_heads": 128, "num_key_value_heads": 128, "num_hidden_layers": 61,
    "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128,
    "v_head_dim": 128, "vocab_size": 129280, "tie_word_embeddings": False,
}  # fmt: skip
QWEN_30B_A3B: dict[str, Any] = {
    "model_type": "qwen3_moe", "hidden_size": 2048, "intermediate_size": 6144,
    "moe_intermediate_size": 768, "num_experts": 128, "num_experts_per_tok": 8,
    "decoder_sparse_step": 1, "mlp_only_layers": [], "num_attention_heads": 32,
    "num_key_value_heads": 4, "head_dim": 128, "num_hidden_layers": 48, "vocab_size": 151936,
    "use_sliding_window": False, "sliding_window": 4096,
}  # fmt: skip


def written(folder: Path, config: dict[str, Any], name: str = "model") -> Path:
    """A config.json in a folder of its name."""
    path = folder / name / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(config))
    return path


def test_a_dense_and_a_moe_model_are_read(tmp_path: Path) -> None:
    assert whole_model(written(tmp_path, LLAMA, "llama-3-8b")) == LLAMA_3_8B
    mixtral = whole_model(written(tmp_path, MIXTRAL), "mixtral-8x7b")
    assert mixtral.experts == MIXTRAL_8X7B.experts
    assert total_parameters(mixtral) == total_parameters(MIXTRAL_8X7B)


def test_a_latent_model_is_read_with_its_dense_layers(tmp_path: Path) -> None:
    found = whole_model(written(tmp_path, DEEPSEEK), "deepseek-v3")
    assert total_parameters(found) == total_parameters(DEEPSEEK_V3)
    assert (found.experts, found.latent) == (DEEPSEEK_V3.experts, DEEPSEEK_V3.latent)


def test_experts_of_every_layer_have_their_own_width(tmp_path: Path) -> None:
    found = whole_model(written(tmp_path, QWEN_30B_A3B))
    assert total_parameters(found) == pytest.approx(30_532_122_624, rel=5e-3)
    assert (found.full_layers, found.window_tokens) == (48, 0)


@pytest.mark.parametrize(
    ("change", "full", "window"),
    [
        ({"sliding_window": 4096}, 0, 4096),
        ({"sliding_window": 1024, "sliding_window_pattern": 6}, 5, 1024),
        ({"sliding_window": 128, "layer_types": ["sliding_attention", "full_attention"] * 16},
         16, 128),
        ({"sliding_window": 128, "layer_types": ["full_attention"] * 32}, 32, 0),
    ],
)  # fmt: skip
def test_windows_are_those_of_the_layers(
    tmp_path: Path, change: dict[str, Any], full: int, window: int
) -> None:
    found = whole_model(written(tmp_path, LLAMA | change))
    assert (found.full_layers, found.window_tokens) == (full, window)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"vocab_size": None}, "vocab_size"),
        ({"num_hidden_layers": None}, "layers"),
        ({"layer_types": ["linear_attention"] * 32}, "linear_attention"),
        ({"hybrid_override_pattern": "M*"}, "2 layers"),
        ({"hybrid_override_pattern": "M*" * 16}, "mamba"),
        ({"intermediate_size": None}, "intermediate_size"),
    ],
)
def test_what_is_missing_or_not_counted_is_refused(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    with pytest.raises(BadInput, match=named):
        whole_model(written(tmp_path, LLAMA | change))
