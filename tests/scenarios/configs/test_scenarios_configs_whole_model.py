"""Whole models are read from config.json files, to their published parameters."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.steptime.features.attention import attention_flops, kv_bytes
from moeprof.costmodel.steptime.features.parameters import (
    attention_parameters,
    total_parameters,
)
from moeprof.scenarios.configs.whole_model import whole_model
from moeprof.store.errors import BadInput
from moeprof.store.serving.whole_model import SparseIndex
from moeprof.tests.costmodel.steptime.whole_models import DEEPSEEK_V3, LLAMA_3_8B, MIXTRAL_8X7B
from moeprof.tests.scenarios.configs.published_sizes import (
    DEEPSEEK_V3_2,
    NEMOTRON_3_NANO,
    PUBLISHED,
)

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


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_that_the_code_of_a_model_makes(tmp_path: Path, name: str) -> None:
    section, parameters = PUBLISHED[name]
    assert total_parameters(whole_model(written(tmp_path, section))) == pytest.approx(
        parameters, rel=5e-4
    )


@pytest.mark.parametrize(
    ("name", "full", "window", "states", "dense", "routed", "parts"),
    [
        ("qwen3-next-80b-a3b", 12, 0, 36, 0, 48, 96),
        ("kimi-linear-48b-a3b", 6, 0, 21, 1, 26, 54),
        ("nemotron-h-56b", 10, 0, 54, 54, 0, 118),
        ("nemotron-3-nano-30b-a3b", 6, 0, 23, 0, 23, 52),
        ("falcon-h1", 32, 0, 32, 32, 0, 96),
        ("jamba-v0.1", 4, 0, 28, 16, 16, 64),
        ("granite-4.0-h-small", 4, 0, 36, 0, 40, 80),
        ("lfm2-1.2b", 6, 0, 10, 16, 0, 32),
        ("llama-4-maverick", 12, 36, 0, 24, 24, 96),
        ("gemma-3-12b", 8, 40, 0, 48, 0, 96),
    ],
)
def test_layers_are_told_apart_by_kind(
    tmp_path: Path, name: str, full: int, window: int, states: int, dense: int, routed: int,
    parts: int,
) -> None:  # fmt: skip
    found = whole_model(written(tmp_path, PUBLISHED[name][0]))
    assert (found.full_layers, found.window_layers, found.state_layers) == (full, window, states)
    assert (found.dense_layers, found.moe_layers, found.parts) == (dense, routed, parts)


def test_the_indexer_of_sparse_attention_is_counted(tmp_path: Path) -> None:
    """61 layers of 64 queries of 128 from 1536 values, one key, and 64 weights: 0.85e9."""
    section, _ = DEEPSEEK_V3_2
    found = whole_model(written(tmp_path, section))
    assert (found.sparse_tokens, found.index) == (2048, SparseIndex(64, 128, 61))
    shared = section | {"indexer_types": ["full", "shared", "shared"] * 20 + ["full"]}
    assert whole_model(written(tmp_path, shared, "shared")).index == SparseIndex(64, 128, 21)


def test_experts_on_a_latent_width_are_counted_with_their_projections(tmp_path: Path) -> None:
    plain, latent = dict(NEMOTRON_3_NANO[0]), NEMOTRON_3_NANO[0] | {"moe_latent_size": 1024}
    wide, narrow = (
        whole_model(written(tmp_path, section, name))
        for section, name in ((plain, "plain"), (latent, "latent"))
    )
    experts = 23 * 128 * 2 * 1856 * (2688 - 1024)
    assert total_parameters(wide) - total_parameters(narrow) == experts - 23 * 2 * 2688 * 1024
    assert narrow.experts is not None
    assert narrow.experts.shared_intermediate_size == 3712


def test_queries_of_a_low_rank_are_counted(tmp_path: Path) -> None:
    """Step3: 64 heads of 256 by way of 2048 values, one key and value for all."""
    section = LLAMA | {
        "head_dim": 256, "num_attention_heads": 64, "share_q_dim": 2048, "hidden_size": 7168,
        "num_key_value_heads": None, "num_attention_groups": 1,
    }  # fmt: skip
    layer = 7168 * 2048 + 2048 * 64 * 256 + 2 * 7168 * 256 + 64 * 256 * 7168
    assert attention_parameters(whole_model(written(tmp_path, section))) == 32 * layer


def test_a_dense_language_model_inside_another_is_found(tmp_path: Path) -> None:
    outer = {"model_type": "qwen3_vl", "text_config": LLAMA | {"tie_word_embeddings": None}}
    found = whole_model(written(tmp_path, outer | {"tie_word_embeddings": True}))
    assert (found.layers, found.tied) == (32, True)


@pytest.mark.parametrize(
    ("change", "full", "window"),
    [
        ({"sliding_window": 4096}, 0, 4096),
        ({"sliding_window": 1024, "sliding_window_pattern": 6}, 5, 1024),
        ({"sliding_window": 128, "layer_types": ["sliding_attention", "full_attention"] * 16},
         16, 128),
        ({"sliding_window": 128, "layer_types": ["full_attention"] * 32}, 32, 0),
        ({"model_type": "gemma2", "sliding_window": 4096}, 16, 4096),
        ({"sliding_window": 4096, "sliding_window_pattern": "LLLG"}, 8, 4096),  # EXAONE 4
        ({"sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 20}, 20, 4096),
        ({"model_type": "qwen2", "sliding_window": 4096}, 32, 0),
        ({"model_type": "llama4_text", "attention_chunk_size": 8192}, 8, 8192),
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
        ({"layer_types": ["sliding_attention"] * 32}, "window of None"),
        ({"layer_types": ["full_attention"] * 31}, "31 layers"),
        ({"model_type": "zamba2"}, "shares its weights"),
        ({"model_type": "bert"}, "decodes no text"),
        ({"use_cla": True}, "keys and values between layers"),
        ({"num_kv_shared_layers": 15}, "keys and values between layers"),
        ({"swa_num_attention_heads": 64}, "swa_num_attention_heads"),
        ({"v_head_dim": 64, "head_dim": 128}, "not as wide"),
        ({"zero_expert_num": 128}, "two attentions"),
        ({"compress_ratios": [4]}, "compressed keys"),
        ({"layer_types": ["rwkv"] * 32}, "rwkv"),
    ],
)
def test_what_is_missing_or_not_counted_is_refused(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    with pytest.raises(BadInput, match=named):
        whole_model(written(tmp_path, LLAMA | change))


ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 2.5, "x", "8", [], [1], ["a"], [None], {}, {"a": 1}, 10**30,
    1e308, 2**40, float("inf"), float("nan"),
)  # fmt: skip
KEYS_OF_WHOLE_MODELS = (
    "attention_chunk_size", "attn_layer_indices", "attn_output_gate", "block_ffn_dim_multiplier",
    "block_multiple_of", "full_attn_idxs", "index_topk", "indexer_types", "intermediate_size_mlp",
    "layer_types", "layers_block_type", "mamba_d_head", "mamba_d_ssm", "max_window_layers",
    "model_max_length", "model_type", "multi_query", "no_rope_layer_interval", "no_rope_layers",
    "rope_parameters", "rope_scaling", "share_q_dim", "sliding_window", "sliding_window_pattern",
    "tie_word_embeddings", "use_sliding_window", "v_head_dim",
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_an_odd_value_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """One key of a published file has another value: a model comes of it, or BadInput."""
    section = dict(PUBLISHED[data.draw(st.sampled_from(sorted(PUBLISHED)))][0])
    inner = dict(section.get("text_config", {}))
    place = inner or section
    key = data.draw(st.sampled_from(sorted({*place, *KEYS_OF_WHOLE_MODELS})))
    place[key] = data.draw(st.sampled_from(ODD_VALUES))
    whole = section | ({"text_config": inner} if inner else {})
    try:
        found = whole_model(written(tmp_path_factory.mktemp("odd"), whole))
    except BadInput:
        return
    assert total_parameters(found) > 0
    one, long = np.ones(1), np.full(1, 5000.0)
    assert np.isfinite(attention_flops(found, one, long)).all()
    assert np.isfinite(kv_bytes(found, one, long, value_bytes=2, tp=1)).all()


def test_a_model_in_the_cache_of_hugging_face_has_its_published_name(tmp_path: Path) -> None:
    blob = written(tmp_path, next(iter(PUBLISHED.values()))[0], "blobs")
    snapshot = tmp_path / "models--Qwen--Qwen3-8B" / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").symlink_to(blob)
    assert whole_model(snapshot / "config.json").name == "Qwen3-8B"


def test_falcon_has_the_longest_request_of_its_class(tmp_path: Path) -> None:
    falcon = LLAMA | {"model_type": "falcon"}
    assert whole_model(written(tmp_path, falcon)).max_context_tokens == 2048


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Qwen--Qwen3-1.7B_config.json", "Qwen3-1.7B"),
        ("gemma-2.config.json", "gemma-2"),
        ("config.json", "model"),
    ],
)
def test_a_model_is_named_by_a_file_that_has_a_name(tmp_path: Path, file: str, name: str) -> None:
    config = written(tmp_path, LLAMA)
    assert whole_model(config.rename(config.with_name(file))).name == name


def test_a_model_is_named_by_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, next(iter(PUBLISHED.values()))[0], "own-8b")
    monkeypatch.chdir(path.parent)
    assert whole_model(Path("config.json")).name == "own-8b"
