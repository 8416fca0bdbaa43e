"""Presets: published sizes, reading and writing without loss, and refusals."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.scenarios.preset import (
    DTYPES,
    PRESETS,
    Preset,
    assumptions_of,
    load_preset,
    preset_from_config,
    read_preset,
    to_toml,
)
from moeprof.store.errors import BadInput

MIXTRAL = {
    "architectures": ["MixtralForCausalLM"],
    "model_type": "mixtral",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
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


# What comes with moeprof


@pytest.mark.parametrize(
    ("name", "hidden", "ffn", "experts", "top_k", "dtype"),
    [
        ("small", 512, 1024, 16, 2, "float32"),
        ("mixtral-8x7b", 4096, 14336, 8, 2, "bfloat16"),
        ("qwen3-30b-a3b", 2048, 768, 128, 8, "bfloat16"),
        ("deepseek-v3", 7168, 2048, 256, 8, "bfloat16"),
    ],
)
def test_a_preset_has_the_sizes_that_were_published(
    name: str, hidden: int, ffn: int, experts: int, top_k: int, dtype: str
) -> None:
    preset = load_preset(name)
    assert (preset.name, preset.hidden, preset.ffn) == (name, hidden, ffn)
    assert (preset.experts, preset.top_k, preset.dtype) == (experts, top_k, dtype)


@pytest.mark.parametrize(
    ("name", "published"),
    [("mixtral-8x7b", MIXTRAL), ("qwen3-30b-a3b", QWEN3_MOE), ("deepseek-v3", DEEPSEEK_V3)],
)
def test_a_preset_is_what_the_config_of_its_model_gives(
    name: str, published: dict[str, Any], config: Write
) -> None:
    preset = load_preset(name)
    read = preset_from_config(config(published))
    assert replace(read, name=preset.name, source=preset.source) == preset


def test_every_preset_that_is_listed_loads() -> None:
    assert [load_preset(name).name for name in PRESETS] == list(PRESETS)


def test_an_unknown_preset_is_named_beside_those_there_are() -> None:
    with pytest.raises(BadInput, match="no preset 'large'") as caught:
        load_preset("large")
    assert all(name in caught.value.hint for name in PRESETS)


# A file of the user's

presets = st.builds(
    lambda group, hidden, ffn, experts, top_k, **texts: Preset(
        hidden=group * hidden,
        ffn=group * ffn,
        experts=experts,
        top_k=min(top_k, experts),
        weight_bits=4,
        group_size=group,
        **texts,
    ),
    group=st.sampled_from((8, 32, 128)),
    hidden=st.integers(1, 100),
    ffn=st.integers(1, 100),
    experts=st.integers(1, 512),
    top_k=st.integers(1, 512),
    name=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
    source=st.text(max_size=40).filter(str.isprintable),
    dtype=st.sampled_from(DTYPES),
)


@settings(max_examples=60)
@given(preset=presets)
def test_a_preset_is_read_as_it_was_written(
    preset: Preset, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.toml"
    path.write_text(to_toml(preset), encoding="utf-8")
    assert read_preset(path) == preset


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hidden": 0}, "hidden is 0, and must be a positive integer"),
        ({"ffn": -64}, "ffn is -64"),
        ({"experts": 1.5}, "experts is 1.5"),
        ({"top_k": True}, "top_k is True"),
        ({"weight_bits": "4"}, "weight_bits is '4'"),
        ({"top_k": 17}, "top_k is 17, and there are only 16 experts"),
        ({"weight_bits": 8}, "weight_bits is 8, and the kernels know 4-bit weights only"),
        ({"group_size": 12}, "group_size is 12, and must be a multiple of 8"),
        ({"group_size": 1024}, "hidden is 512, no multiple of group_size 1024"),
        ({"ffn": 1000}, "ffn is 1000, no multiple of group_size 64"),
        ({"dtype": "float8"}, "dtype is 'float8'"),
        ({"dtype": []}, r"dtype is \[\]"),
        ({"name": "My Model"}, "name is 'My Model'"),
        ({"name": "../small"}, "name is '../small'"),
        ({"name": 7}, "name is 7"),
        ({"source": "two\nlines"}, r"source is 'two\\nlines'"),
        ({"shared_ffn": 0}, "shared_ffn is 0, and must be a positive integer"),
        ({"heads": 8, "head_dim": 64}, "kv_heads and head_dim, and kv_heads is missing"),
        ({"heads": 8, "kv_heads": 3, "head_dim": 64}, "heads is 8, no multiple of kv_heads 3"),
    ],
)
def test_a_bad_value_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Preset(**asdict(load_preset("small")) | change)


def test_a_bad_value_in_a_file_names_the_file_and_keeps_the_hint(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(load_preset("small")).replace("float32", "int3"))
    with pytest.raises(BadInput, match=r"mine\.toml: dtype is 'int3'") as caught:
        read_preset(path)
    assert "bfloat16" in caught.value.hint


def test_sizes_that_not_every_layer_has_are_written_where_they_are_known(tmp_path: Path) -> None:
    small = load_preset("small")
    assert "shared_ffn" not in to_toml(small)
    whole = replace(small, shared_ffn=2048, heads=8, kv_heads=2, head_dim=64)
    path = tmp_path / "whole.toml"
    path.write_text(to_toml(whole))
    assert read_preset(path) == whole


REQUIRED = (
    "name",
    "source",
    "hidden",
    "ffn",
    "experts",
    "top_k",
    "dtype",
    "weight_bits",
    "group_size",
)


@pytest.mark.parametrize("key", REQUIRED)
def test_a_missing_key_is_named(key: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    lines = to_toml(load_preset("small")).splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith(f"{key} = ")))
    with pytest.raises(BadInput, match=f"mine.toml lacks the key '{key}'"):
        read_preset(path)


def test_an_unknown_key_is_named_beside_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(load_preset("small")) + "expert = 3\n")
    with pytest.raises(BadInput, match="unknown key 'expert'") as caught:
        read_preset(path)
    assert "experts" in caught.value.hint


@pytest.mark.parametrize("read", [read_preset, preset_from_config])
@pytest.mark.parametrize(
    ("content", "said"), [(b"= {", "is not"), (b"\xff\xfe", "is not"), (None, "cannot read")]
)
def test_a_file_that_cannot_be_read_is_named(
    read: Callable[[Path], Preset], content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "broken"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=said) as caught:
        read(path)
    assert str(path) in caught.value.message


# A published model's config.json


def test_the_width_of_an_expert_goes_before_that_of_a_dense_layer(config: Write) -> None:
    assert preset_from_config(config(QWEN3_MOE)).ffn == 768


def test_a_config_without_a_dtype_is_bfloat16_with_the_largest_group_that_fits(
    config: Write,
) -> None:
    assert preset_from_config(config(GPT_OSS)) == Preset(
        name="gpt_oss",
        source="config.json of GptOssForCausalLM",
        hidden=2880,
        ffn=2880,
        experts=32,
        top_k=4,
        dtype="bfloat16",
        weight_bits=4,
        group_size=64,
    )


def test_a_multimodal_model_is_read_from_its_text_config(config: Write) -> None:
    text = {key: value for key, value in MIXTRAL.items() if key != "architectures"}
    outer = {
        "architectures": ["SomeForConditionalGeneration"],
        "model_type": "some",
        "vision_config": {"hidden_size": 1408, "intermediate_size": 5632},
        "text_config": text | {"model_type": "some_text", "architectures": None},
    }
    preset = preset_from_config(config(outer))
    assert (preset.hidden, preset.ffn, preset.experts, preset.top_k) == (4096, 14336, 8, 2)
    assert preset.name == "some_text"
    assert preset.source == "config.json of SomeForConditionalGeneration"


def test_a_dtype_that_stands_outside_the_text_config_counts(config: Write) -> None:
    text = {key: value for key, value in MIXTRAL.items() if key != "torch_dtype"}
    outer = {"model_type": "some", "torch_dtype": "float16", "text_config": text}
    assert preset_from_config(config(outer)).dtype == "float16"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "has no key for the number of experts .* keys that look like it: none"),
        ({"moe": {"expert_count": 8}}, r"keys that look like it: moe\.expert_count"),
        ({"num_experts": 0}, "switches experts off: num_experts is 0"),
        ({"n_routed_experts": None}, "switches experts off: n_routed_experts is null"),
        (
            {"num_experts": 8, "enable_moe_block": False},
            "off: num_experts is 8, enable_moe_block is false",
        ),
    ],
)
def test_a_model_without_experts_is_refused_by_what_its_file_says(
    change: dict[str, Any], said: str, config: Write
) -> None:
    dense = {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008}
    with pytest.raises(BadInput, match=said) as caught:
        preset_from_config(config(dense | change))
    assert caught.value.hint


@pytest.mark.parametrize("key", ["moe_latent_size", "routed_expert_hidden_size"])
def test_experts_on_a_latent_width_have_that_width(config: Write, key: str) -> None:
    path = config(QWEN3_MOE | {key: 1024})
    preset = preset_from_config(path)
    assert (preset.hidden, preset.ffn) == (1024, 768)
    assert any("the model's is 2048" in note for note in assumptions_of(path, preset))


def test_a_latent_size_of_0_says_that_experts_work_on_the_hidden_size(config: Write) -> None:
    path = config(QWEN3_MOE | {"moe_latent_size": 0})
    assert preset_from_config(path).hidden == QWEN3_MOE["hidden_size"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"moe_latent_dim": 512}, "moe_latent_dim is 512"),
        ({"expert_hidden_dim": 512}, "expert_hidden_dim is 512"),
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
        preset_from_config(config(QWEN3_MOE | change))


@pytest.mark.parametrize(
    "key",
    ["shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "share_expert_dim"],
)
def test_the_width_of_a_shared_expert_is_that_of_no_other(key: str, config: Write) -> None:
    assert preset_from_config(config(MIXTRAL | {key: 5632})).ffn == 14336


@pytest.mark.parametrize(
    ("quantization", "group_size", "said"),
    [
        ({"quant_method": "gptq", "bits": 4, "group_size": 32}, 32, "as its quantisation (gptq)"),
        ({"quant_method": "gptq", "bits": 8, "group_size": 32}, 128, "(gptq) is not modelled"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 48}, 128, "(gptq) is not modelled"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, 128, "(fp8) is not modelled"),
        ("awq", 128, "(awq) is not modelled"),
        ([4], 128, "(unnamed) is not modelled"),
        (None, 128, "the config names no quantisation"),
    ],
)
def test_the_groups_are_those_of_a_4_bit_quantisation(
    quantization: object, group_size: int, said: str, config: Write
) -> None:
    path = config(MIXTRAL | {"quantization_config": quantization})
    preset = preset_from_config(path)
    assert preset.group_size == group_size
    assert said in assumptions_of(path, preset)[0]


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
    preset = preset_from_config(path)
    assert preset.dtype == dtype
    assert f"({written} in the config)" in assumptions_of(path, preset)[0]


def test_experts_that_only_copy_are_told(config: Write) -> None:
    path = config(MIXTRAL | {"zero_expert_num": 4})
    (_, note) = assumptions_of(path, preset_from_config(path))
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
        preset_from_config(config({name: MIXTRAL[name] for name in MIXTRAL if name != key}))


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
        preset_from_config(config(MIXTRAL | change))


@pytest.mark.parametrize(
    ("model_type", "name"), [("Some/Model 2", "some-model-2"), ("__", "model")]
)
def test_a_model_type_becomes_a_name(model_type: str, name: str, config: Write) -> None:
    assert preset_from_config(config(MIXTRAL | {"model_type": model_type})).name == name


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
        assert preset_from_config(path).experts >= 1


def test_a_dtype_of_the_experts_alone_is_told(config: Write) -> None:
    fp8 = {"quantization_config": {"quant_method": "fp8"}, "expert_dtype": "fp4"}
    path = config(MIXTRAL | fp8)
    (note,) = assumptions_of(path, preset_from_config(path))
    assert note.endswith("its own quantisation (fp8, expert_dtype fp4) is not modelled")
    path = config(MIXTRAL | {"expert_dtype": "fp4"})
    (note,) = assumptions_of(path, preset_from_config(path))
    assert note.endswith("its own quantisation (expert_dtype fp4) is not modelled")


@pytest.mark.parametrize("architectures", [[5], [None], [{}], [], "A"])
def test_the_source_is_a_text_whatever_the_architectures(
    architectures: object, config: Write
) -> None:
    preset = preset_from_config(config(MIXTRAL | {"architectures": architectures}))
    assert preset.source == "config.json of mixtral"


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 5000])
def test_a_number_of_thousands_of_digits_is_refused(number: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(to_toml(load_preset("small")).replace("hidden = ", f"hidden = {number} #"))
    with pytest.raises(BadInput, match="digits"):
        read_preset(path)


def test_a_key_of_thousands_of_parts_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(".".join(["a"] * 100_000) + " = 1\n")
    with pytest.raises(BadInput, match="bytes"):
        read_preset(path)
