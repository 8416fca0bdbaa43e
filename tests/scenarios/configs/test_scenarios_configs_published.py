"""Presets from a published model's config.json: which sizes, by which name, and what is refused."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.scenarios.configs.published import published_preset
from moeprof.scenarios.preset import Preset, load_preset
from moeprof.store.errors import BadInput

MIXTRAL = {
    "architectures": ["MixtralForCausalLM"],
    "model_type": "mixtral",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "torch_dtype": "bfloat16",
}
QWEN3_MOE = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "model_type": "qwen3_moe",
    "hidden_size": 2048,
    "intermediate_size": 6144,  # dense layers
    "moe_intermediate_size": 768,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "torch_dtype": "bfloat16",
}
DEEPSEEK_V3 = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "scoring_func": "sigmoid",
    "topk_method": "noaux_tc",
    "n_group": 8,
    "topk_group": 4,
    "norm_topk_prob": True,
    "first_k_dense_replace": 3,
    "num_hidden_layers": 61,
    "torch_dtype": "bfloat16",
}
GPT_OSS = {
    "architectures": ["GptOssForCausalLM"],
    "model_type": "gpt_oss",
    "hidden_size": 2880,
    "intermediate_size": 2880,
    "num_local_experts": 32,
    "experts_per_token": 4,
}

Write = Callable[[object], Path]


@pytest.fixture
def config(tmp_path: Path) -> Write:
    """Write a config.json; return its path."""

    def write(value: object) -> Path:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(value))
        return path

    return write


@pytest.mark.parametrize(
    ("name", "published"),
    [("mixtral-8x7b", MIXTRAL), ("qwen3-30b-a3b", QWEN3_MOE), ("deepseek-v3", DEEPSEEK_V3)],
)
def test_a_preset_that_comes_with_moeprof_is_what_its_config_gives(
    name: str, published: dict[str, Any], config: Write
) -> None:
    preset = load_preset(name)
    read = published_preset(config(published)).preset
    assert replace(read, name=preset.name, source=preset.source) == preset


def test_the_width_of_an_expert_goes_before_that_of_a_dense_layer(config: Write) -> None:
    assert published_preset(config(QWEN3_MOE)).preset.ffn == 768


def test_a_config_without_a_dtype_is_bfloat16_with_the_largest_group_that_fits(
    config: Write,
) -> None:
    assert published_preset(config(GPT_OSS)).preset == Preset(
        name="gpt_oss",
        source="config.json of GptOssForCausalLM",
        hidden=2880,
        ffn=2880,
        experts=32,
        top_k=4,
        dtype="bfloat16",
        weight_bits=4,
        group_size=64,
        activation="clipped",
    )


def test_a_multimodal_model_is_read_from_its_text_config(config: Write) -> None:
    text = {key: value for key, value in MIXTRAL.items() if key != "architectures"}
    outer = {
        "architectures": ["SomeForConditionalGeneration"],
        "model_type": "some",
        "vision_config": {"hidden_size": 1408, "intermediate_size": 5632},
        "text_config": text | {"model_type": "some_text", "architectures": None},
    }
    preset = published_preset(config(outer)).preset
    assert (preset.hidden, preset.ffn, preset.experts, preset.top_k) == (4096, 14336, 8, 2)
    assert preset.name == "some_text"
    assert preset.source == "config.json of SomeForConditionalGeneration"


def test_a_dtype_that_stands_outside_the_text_config_counts(config: Write) -> None:
    text = {key: value for key, value in MIXTRAL.items() if key != "torch_dtype"}
    outer = {"model_type": "some", "torch_dtype": "float16", "text_config": text}
    assert published_preset(config(outer)).preset.dtype == "float16"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "has no key for the number of experts .* keys that look like it: none"),
        ({"moe": {"expert_count": 8}}, r"keys that look like it: moe\.expert_count"),
        ({"num_experts": 0}, "experts switched off, or one alone: num_experts is 0"),
        (
            {"n_routed_experts": None},
            "one alone: n_routed_experts is null",
        ),
        (
            {"num_experts": 8, "enable_moe_block": False},
            "alone: num_experts is 8, enable_moe_block is false",
        ),
    ],
)
def test_a_model_without_experts_is_refused_by_what_its_file_says(
    change: dict[str, Any], said: str, config: Write
) -> None:
    dense = {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008}
    with pytest.raises(BadInput, match=said) as caught:
        published_preset(config(dense | change))
    assert caught.value.hint


@pytest.mark.parametrize("key", ["moe_latent_size", "routed_expert_hidden_size"])
def test_experts_on_a_latent_width_have_that_width(config: Write, key: str) -> None:
    path = config(QWEN3_MOE | {key: 1024})
    preset = published_preset(path).preset
    assert (preset.hidden, preset.ffn) == (1024, 768)
    assert any("the model's is 2048" in note for note in published_preset(path).assumptions)


def test_a_latent_size_of_0_says_that_experts_work_on_the_hidden_size(config: Write) -> None:
    path = config(QWEN3_MOE | {"moe_latent_size": 0})
    assert published_preset(path).preset.hidden == QWEN3_MOE["hidden_size"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"moe_latent_dim": 512}, "moe_latent_dim is 512"),
        ({"expert_model_dim": 512}, "expert_model_dim is 512"),
        (
            {"moe_intermediate_size": None, "moe_hidden_size": 4096},
            "moe_hidden_size is 4096, which may be a width of the experts",
        ),
    ],
)
def test_a_width_of_the_experts_under_an_unknown_key_is_refused(
    change: dict[str, Any], said: str, config: Write
) -> None:
    with pytest.raises(BadInput, match=said):
        published_preset(config(QWEN3_MOE | change))


@pytest.mark.parametrize(
    "key",
    ["shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "share_expert_dim"],
)
def test_the_width_of_a_shared_expert_is_that_of_no_other(key: str, config: Write) -> None:
    assert published_preset(config(MIXTRAL | {key: 5632})).preset.ffn == 14336


@pytest.mark.parametrize(
    ("quantization", "group_size", "said"),
    [
        ({"quant_method": "gptq", "bits": 4, "group_size": 32}, 32, "as its quantisation (gptq)"),
        ({"quant_method": "gptq", "bits": 8, "group_size": 32}, 32, "int8, as its quantisation"),
        (
            {"quant_method": "gptq", "bits": 4, "group_size": 48},
            128,
            "4096 is no multiple of",
        ),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, 128, "experts in fp8_block, as"),
        (
            {"quant_method": "fp8", "weight_block_size": [64, 64]},
            128,
            "kernels know [128, 128]",
        ),
        ({"quant_algo": "NVFP4", "group_size": 16}, 16, "nvfp4 would need a scale of e4m3 for 16"),
        ("awq", 128, "(awq) is not modelled"),
        ([4], 128, "(unnamed) is not modelled"),
        (None, 128, "the config names no quantisation"),
    ],
)
def test_the_format_and_its_groups_are_those_of_the_quantisation(
    quantization: object, group_size: int, said: str, config: Write
) -> None:
    path = config(MIXTRAL | {"quantization_config": quantization})
    preset = published_preset(path).preset
    assert preset.group_size == group_size
    assert said in published_preset(path).assumptions[0]


@pytest.mark.parametrize(
    ("written", "dtype"),
    [
        ("torch.bfloat16", "bfloat16"),
        ("torch.float16", "float16"),
        ("half", "float16"),
        ("float8_e4m3fn", "bfloat16"),
        ("torch.float8_e5m2", "bfloat16"),
    ],
)
def test_a_dtype_has_several_names(written: str, dtype: str, config: Write) -> None:
    path = config(MIXTRAL | {"torch_dtype": written})
    preset = published_preset(path).preset
    assert preset.dtype == dtype
    assert f"({written} in the config)" in published_preset(path).assumptions[0]


def test_experts_that_only_copy_are_told(config: Write) -> None:
    path = config(MIXTRAL | {"zero_expert_num": 4})
    (_, note, *_) = published_preset(path).assumptions
    assert note.startswith("4 experts that only copy their input are not counted")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("hidden_size", "lacks hidden_size or d_model"),
        ("intermediate_size", "lacks moe_intermediate_size or .* or intermediate_size"),
        ("num_experts_per_tok", "lacks num_experts_per_tok or experts_per_token"),
    ],
)
def test_a_missing_size_is_named(key: str, said: str, config: Write) -> None:
    with pytest.raises(BadInput, match=said):
        published_preset(config({name: MIXTRAL[name] for name in MIXTRAL if name != key}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hidden_size": "4k"}, "hidden_size is '4k', and must be a whole number"),
        ({"hidden_size": 4100}, "hidden_size is 4100, and must be a multiple of 8"),
        ({"num_experts_per_tok": 9}, "takes 9 of 8 experts .* see num_experts_per_tok and"),
        ({"torch_dtype": "int8"}, "dtype is 'int8'"),
    ],
)
def test_a_size_that_no_kernel_takes_is_named(
    change: dict[str, Any], said: str, config: Write
) -> None:
    with pytest.raises(BadInput, match=said):
        published_preset(config(MIXTRAL | change))


@pytest.mark.parametrize(
    ("model_type", "name"), [("Some/Model 2", "some-model-2"), ("__", "model")]
)
def test_a_model_type_becomes_a_name(model_type: str, name: str, config: Write) -> None:
    assert published_preset(config(MIXTRAL | {"model_type": model_type})).preset.name == name


values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 4096) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@settings(max_examples=100)
@given(change=st.dictionaries(st.sampled_from([*MIXTRAL, "text_config", "dtype"]), values))
def test_whatever_a_config_holds_it_gives_a_preset_or_is_bad_input(
    change: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-config.json"
    path.write_text(json.dumps(MIXTRAL | change))
    with suppress(BadInput):
        assert published_preset(path).preset.experts >= 1


def test_a_dtype_of_the_experts_alone_is_told(config: Write) -> None:
    why = "what expert_dtype 'fp4' means is not known"
    fp8 = {"quantization_config": {"quant_method": "fp8"}, "expert_dtype": "fp4"}
    path = config(MIXTRAL | fp8)
    (note, *_) = published_preset(path).assumptions
    assert note.endswith(f"its own quantisation (fp8, expert_dtype fp4) is not modelled: {why}")
    path = config(MIXTRAL | {"expert_dtype": "fp4"})
    (note, *_) = published_preset(path).assumptions
    assert note.endswith(f"its own quantisation (expert_dtype fp4) is not modelled: {why}")


@pytest.mark.parametrize("architectures", [[5], [None], [{}], [], "A"])
def test_the_source_is_a_text_whatever_the_architectures(
    architectures: object, config: Write
) -> None:
    preset = published_preset(config(MIXTRAL | {"architectures": architectures})).preset
    assert preset.source == "config.json of mixtral"


# Contradictions


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_experts": 16}, "two sizes of one meaning: num_local_experts 8 and num_experts 16"),
        ({"num_experts_per_tok": 9}, "takes 9 of 8 experts for a token"),
        ({"dtype": "float16"}, "names two dtypes: dtype 'float16' and torch_dtype 'bfloat16'"),
        (
            {"text_config": {"num_local_experts": 16}},
            "experts in two places, and they differ: num_local_experts is 8 in its outer object and"
            " 16 in text_config",
        ),
        (
            {"first_k_dense_replace": 32, "num_hidden_layers": 32},
            "leaves none of 32 layers with experts: first_k_dense_replace 32",
        ),
        (
            {"mlp_only_layers": [0, 1], "num_hidden_layers": 2},
            r"leaves none of 2 layers with experts: mlp_only_layers \[0, 1\]",
        ),
    ],
)
def test_a_contradiction_is_refused_by_its_keys(
    change: dict[str, Any], said: str, config: Write
) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        published_preset(config(MIXTRAL | change))
    assert caught.value.hint


def test_a_missing_size_is_refused_beside_keys_that_may_mean_it(config: Write) -> None:
    without = {key: MIXTRAL[key] for key in MIXTRAL if key != "num_experts_per_tok"}
    with pytest.raises(BadInput, match=r"keys that may mean it: experts_chosen$"):
        published_preset(config(without | {"experts_chosen": 2}))


# Models without experts

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "torch_dtype": "bfloat16",
}


def test_a_model_without_experts_is_offered_the_dense_preset(config: Write) -> None:
    path = config(LLAMA)
    with pytest.raises(BadInput, match="has no key for the number of experts") as caught:
        published_preset(path)
    assert f"moeprof scenario --from {path} --dense" in caught.value.hint
    dense = published_preset(path, dense=True)
    shipped = load_preset("llama-3.1-8b")
    assert replace(dense.preset, name=shipped.name, source=shipped.source) == shipped
    assert "its layer counts as one expert that every token goes to" in dense.assumptions
    assert any("its two products and its activation" in one for one in dense.assumptions)


def test_groups_that_no_file_says_fit_one_rank_too(config: Write) -> None:
    path = config(MIXTRAL | {"intermediate_size": 1408})
    assert published_preset(path).preset.group_size == 128
    rank = published_preset(path, ranks=2).preset
    assert (rank.ffn, rank.group_size) == (1408, 64)
    assert published_preset(path, ranks=1000).preset.group_size == 8


def test_a_key_that_a_sentence_names_is_not_told_as_ignored(config: Write) -> None:
    section = LLAMA | {"sliding_window": 1024, "hidden_activation": "gelu", "odd_key": 3}
    told = published_preset(config(section), dense=True)
    assert told.preset.activation == "gelu"
    (ignored,) = (one for one in told.assumptions if one.startswith("ignored, moeprof"))
    assert ignored.endswith(": odd_key")
    assert sum("sliding_window" in one for one in told.assumptions) == 1


@pytest.mark.parametrize("count", [1, [1, 1], 0])
def test_one_expert_is_no_mixture(count: object, config: Write) -> None:
    with pytest.raises(BadInput, match="experts switched off, or one alone: num_experts is") as no:
        published_preset(config(LLAMA | {"num_experts": count}))
    assert "--dense" in no.value.hint
    assert published_preset(config(LLAMA | {"num_experts": count}), dense=True).preset.experts == 1


@pytest.mark.parametrize("key", ["moe_count", "expert_total"])
def test_a_model_is_not_called_dense_for_a_key_that_is_not_known(key: str, config: Write) -> None:
    for dense in (False, True):
        with pytest.raises(BadInput, match=key) as caught:
            published_preset(config(LLAMA | {key: 8}), dense=dense)
        assert "rename" in caught.value.hint


def test_a_mixture_has_no_dense_preset(config: Write) -> None:
    with pytest.raises(BadInput, match="has 8 experts"):
        published_preset(config(MIXTRAL), dense=True)


# Names and sources


@pytest.mark.parametrize(
    ("written", "name", "source"),
    [
        ("mistralai/Mixtral-8x7B-v0.1", "mixtral-8x7b-v0.1", "mistralai/Mixtral-8x7B-v0.1"),
        ("/home/someone/checkpoint", "mixtral", "MixtralForCausalLM"),
        (7, "mixtral", "MixtralForCausalLM"),
    ],
)
def test_a_preset_is_called_as_its_model(
    written: object, name: str, source: str, config: Write
) -> None:
    preset = published_preset(config(MIXTRAL | {"_name_or_path": written})).preset
    assert (preset.name, preset.source) == (name, f"config.json of {source}")


def test_a_file_of_the_hub_s_cache_has_its_model_and_revision(tmp_path: Path) -> None:
    revision = "0123456789abcdef0123456789abcdef01234567"
    folder = tmp_path / "models--mistralai--Mixtral-8x7B-v0.1" / "snapshots" / revision
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(MIXTRAL))
    preset = published_preset(folder / "config.json").preset
    assert preset.name == "mixtral-8x7b-v0.1"
    at = f"mistralai/Mixtral-8x7B-v0.1/blob/{revision}/config.json"
    assert preset.source == f"https://huggingface.co/{at}"


def test_the_part_that_the_sizes_are_of_is_told(config: Write) -> None:
    path = config({"model_type": "some", "backbone": MIXTRAL, "vision_config": MIXTRAL})
    published = published_preset(path)
    assert published.preset.experts == 8
    assert "the sizes are those of backbone" in published.assumptions


def test_a_list_by_modality_has_the_text_first(config: Write) -> None:
    sizes = {"moe_intermediate_size": [1536, 512], "num_hidden_layers": 28}
    published = published_preset(config(QWEN3_MOE | sizes | {"vision_config": {"depth": 32}}))
    assert published.preset.ffn == 1536
    assert any("the first is taken" in note for note in published.assumptions)
    with pytest.raises(BadInput, match="holds several sizes: 1536, 512"):
        published_preset(config(QWEN3_MOE | sizes))
