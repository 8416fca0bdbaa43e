"""Attention from a config.json: what counts, what is left out, and what is said of the rest."""

from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.configs.attention import attention_sizes
from moeprof.scenarios.configs.model_config import ModelConfig

HEADS: dict[str, Any] = {"num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64}
DEEPSEEK: dict[str, Any] = {
    "num_attention_heads": 128, "num_key_value_heads": 128, "hidden_size": 7168,
    "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
    "v_head_dim": 128,
}  # fmt: skip


def _attention(section: dict[str, Any]) -> tuple[dict[str, int], str]:
    sizes, told = attention_sizes(ModelConfig(Path("config.json"), section))
    return sizes, "\n".join(told)


@pytest.mark.parametrize(
    ("section", "heads"),
    [
        (HEADS, [32, 8, 64]),
        ({"num_attention_heads": 32, "hidden_size": 4096}, [32, 32, 128]),
        ({"n_heads": 48, "kv_n_heads": 8, "d_model": 6144}, [48, 8, 128]),  # DBRX
        ({"num_attention_heads": 64, "num_attention_groups": 1, "head_dim": 256}, [64, 1, 256]),
        # DeepSeek-VL2-tiny
        ({"num_attention_heads": 10, "hidden_size": 1280, "use_mla": False, "kv_lora_rank": None,
          "qk_nope_head_dim": 0, "qk_rope_head_dim": 0, "v_head_dim": 0}, [10, 10, 128]),
        (DEEPSEEK | {"use_mla": False}, [128, 128, 56]),  # Hunyuan
        ({}, []),
    ],
)  # fmt: skip
def test_attention_has_heads(section: dict[str, Any], heads: list[int]) -> None:
    found, told = _attention(section)
    assert (list(found.values()), told) == (heads, "")


def test_latent_attention_has_the_widths_of_its_parts() -> None:
    found, told = _attention(DEEPSEEK)
    assert told == ""
    assert found == {
        "heads": 128, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64, "v_head_dim": 128,
    }  # fmt: skip


@pytest.mark.parametrize("rank", [None, 0])
def test_queries_may_be_projected_at_once(rank: int | None) -> None:
    found, told = _attention(DEEPSEEK | {"q_lora_rank": rank})  # DeepSeek-V2-Lite
    assert "q_lora_rank" not in found
    assert (found["kv_lora_rank"], told) == (512, "")


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (DEEPSEEK | {"v_head_dim": None}, "it is latent (MLA), and v_head_dim is missing"),
        ({"num_attention_heads": 32, "hidden_size": 4096, "moe_latent_size": 1024}, "latent width"),
        ({"num_attention_heads": 7, "hidden_size": 4096}, "contradict"),
        ({"num_attention_heads": 8, "num_key_value_heads": 3, "head_dim": 64}, "contradict"),
        ({"num_attention_heads": [8, 16]}, "several sizes: 8, 16"),
        (HEADS | {"v_head_dim": 32}, "its values have 32 elements a head and its keys 64"),  # MiMo
        # DeepSeek-V4
        (HEADS | {"q_lora_rank": 1536, "compress_ratios": [128, 4]}, "on compressed keys"),
        (
            HEADS | {"layer_types": ["linear_attention"] * 2},
            "linear_attention (layer_types)",
        ),
        (HEADS | {"layers_block_type": ["mamba", "moe"]}, "its layers have mamba"),
    ],
)
def test_attention_that_no_operation_computes_is_left_out(
    section: dict[str, Any], said: str
) -> None:
    found, told = _attention(section)
    assert found == {}
    assert told.startswith("attention is left out, and --ops layer measures the rest: ")
    assert said in told


@pytest.mark.parametrize(
    ("section", "own", "other", "key"),
    [
        # Qwen3.5
        ({"layer_types": [*["linear_attention"] * 3, "full_attention"] * 2},
         2, "6 have linear_attention", "layer_types"),
        # Qwen3-Next
        ({"num_hidden_layers": 8, "full_attention_interval": 4},
         2, "6 have linear_attention", "full_attention_interval"),
        # Nemotron-H, whose experts and MLPs are layers of their own
        ({"hybrid_override_pattern": "MEM*E-"}, 1, "2 have mamba", "hybrid_override_pattern"),
        # Jamba
        ({"num_hidden_layers": 8, "attn_layer_period": 4},
         2, "6 have mamba", "attn_layer_period"),
        # Kimi Linear
        ({"num_hidden_layers": 5, "linear_attn_config": {"full_attn_layers": [4, 5]}},
         2, "3 have linear_attention", "linear_attn_config"),
        # MiniMax-01
        ({"attn_type_list": [0, 0, 1]}, 1, "2 have linear_attention", "attn_type_list"),
    ],
)  # fmt: skip
def test_layers_of_other_attention_are_named(
    section: dict[str, Any], own: int, other: str, key: str
) -> None:
    found, told = _attention(HEADS | section)
    assert list(found.values()) == [32, 8, 64]
    layers = own + int(other.split()[0])
    assert told == (
        f"of {layers} layers {own} have full_attention, as the preset; {other}, which no operation"
        f" computes ({key})"
    )


def test_layers_whose_window_is_an_operation_s_context_are_named_too() -> None:
    told = _attention(HEADS | {"hybrid_layer_pattern": [0, 1, 1]})[1]  # MiMo-V2
    assert told == (
        "of 3 layers 1 have full_attention and 2 have sliding_attention, as the preset"
        " (hybrid_layer_pattern)"
    )


@pytest.mark.parametrize(
    "section",
    [
        {"attn_type_list": [1, 1]},  # MiniMax-M2
        {"sliding_window": 4096, "use_sliding_window": False},  # Qwen2-MoE
        {"sliding_window": None, "layer_types": "full"},
        {"layer_types": 5, "num_hidden_layers": "many", "full_attention_interval": 4},
    ],
)
def test_layers_that_are_alike_or_not_told_have_nothing_to_name(section: dict[str, Any]) -> None:
    assert _attention(HEADS | section)[1] == ""


@pytest.mark.parametrize(
    ("section", "named"),
    [
        (HEADS | {"sliding_window": 128}, "(sliding_window 128)"),  # gpt-oss
        (
            HEADS | {"sliding_window": 1023, "index_topk": 2048},
            "(sliding_window 1023, index_topk 2048)",
        ),
        (HEADS | {"sliding_window": "128"}, "(sliding_window '128')"),
    ],
)
def test_tokens_that_see_less_than_their_context_are_named(
    section: dict[str, Any], named: str
) -> None:
    found, told = _attention(section)
    assert found
    assert told == (
        "attention is measured over the whole of the preset's context, of which a token may see"
        f" less in the model {named}: a TOML with a smaller context measures that"
    )


@pytest.mark.parametrize(
    "section",
    [
        HEADS | {"sliding_window": 1024},  # Gemma 3
        HEADS | {"attention_chunk_size": 8192},  # Llama 4
        DEEPSEEK | {"index_topk": 2048},  # DeepSeek-V3.2, GLM-5
    ],
)
def test_a_bound_that_is_not_below_the_context_bounds_a_larger_one(section: dict[str, Any]) -> None:
    key, bound = [*section.items()][-1]
    assert _attention(section)[1] == (
        f"a token of the model sees no more than {key} {bound}: a TOML with a larger context"
        " measures attention over more than that"
    )


def test_kinds_of_any_text_are_told_in_short() -> None:
    kinds = ["full_attention", "\n" * 10_000, *(f"kind-{n}" for n in range(1000)), {}]
    told = _attention(HEADS | {"layer_types": kinds})[1]
    assert told.startswith("of 1003 layers 1 have full_attention, as the preset; 1 have \\n\\n")
    assert told.isprintable()
    assert len(told) < 400


def test_layers_of_other_sizes_are_named() -> None:
    told = _attention(HEADS | {"global_head_dim": 512, "num_global_key_value_heads": 2})[1]
    assert told == (
        "some layers have other sizes of attention: global_head_dim, num_global_key_value_heads"
    )
