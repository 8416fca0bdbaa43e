"""Presets: published sizes, reading and writing without loss, and refusals."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.scenarios.preset import (
    ACTIVATIONS,
    DTYPES,
    PRESETS,
    ROUTERS,
    Preset,
    load_preset,
    read_preset,
    to_toml,
)
from moeprof.store.errors import BadInput

# What comes with moeprof


@pytest.mark.parametrize(
    ("name", "hidden", "ffn", "experts", "top_k", "dtype"),
    [
        ("small", 512, 1024, 16, 2, "float32"),
        ("mixtral-8x7b", 4096, 14336, 8, 2, "bfloat16"),
        ("qwen3-30b-a3b", 2048, 768, 128, 8, "bfloat16"),
        ("deepseek-v3", 7168, 2048, 256, 8, "bfloat16"),
        ("gpt-oss-120b", 2880, 2880, 128, 4, "bfloat16"),
        ("glm-4.5-air", 4096, 1408, 128, 8, "bfloat16"),
        ("kimi-k2", 7168, 2048, 384, 8, "bfloat16"),
        ("llama-3.1-8b", 4096, 14336, 1, 1, "bfloat16"),
    ],
)
def test_a_preset_has_the_sizes_that_were_published(
    name: str, hidden: int, ffn: int, experts: int, top_k: int, dtype: str
) -> None:
    preset = load_preset(name)
    assert (preset.name, preset.hidden, preset.ffn) == (name, hidden, ffn)
    assert (preset.experts, preset.top_k, preset.dtype) == (experts, top_k, dtype)


@pytest.mark.parametrize(("name", "heads"), [("deepseek-v3", 128), ("kimi-k2", 64)])
def test_latent_attention_has_the_sizes_that_were_published(name: str, heads: int) -> None:
    preset = load_preset(name)
    assert (preset.heads, preset.kv_heads, preset.head_dim) == (heads, None, None)
    assert (preset.q_lora_rank, preset.kv_lora_rank) == (1536, 512)
    assert (preset.qk_nope_head_dim, preset.qk_rope_head_dim, preset.v_head_dim) == (128, 64, 128)


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
    router=st.sampled_from(ROUTERS),
    activation=st.sampled_from(ACTIVATIONS),
    routing=st.sampled_from(("uniform", "zipf:0.7")),
)


@settings(max_examples=60)
@given(preset=presets)
def test_a_preset_is_read_as_it_was_written(
    preset: Preset, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.toml"
    path.write_text(to_toml(preset), encoding="utf-8")
    assert read_preset(path) == preset


LATENT: dict[str, Any] = {
    "kv_lora_rank": 64, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 24,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hidden": 0}, "hidden is 0, and must be a positive integer"),
        ({"ffn": -64}, "ffn is -64"),
        ({"experts": 1.5}, "experts is 1.5"),
        ({"top_k": True}, "top_k is True"),
        ({"weight_bits": "4"}, "weight_bits is '4'"),
        ({"top_k": 17}, "top_k is 17, and there are only 16 experts"),
        ({"weight_bits": 5}, "weight_bits is 5, and the kernels know packed weights of 4 and 8"),
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
        ({"kv_heads": None}, "kv_heads and head_dim, and kv_heads is missing"),
        (
            {"kv_lora_rank": 64},
            "latent attention has .*, and qk_nope_head_dim and .* missing",
        ),
        ({"q_lora_rank": 8} | LATENT, "latent attention has no kv_heads and no head_dim"),
        (LATENT | {"kv_heads": None, "head_dim": None, "heads": None}, "heads is missing"),
        ({"router": "top"}, "router is 'top'"),
        ({"activation": 1}, "activation is 1"),
        ({"context": 0}, "context is 0, and must be a positive integer"),
        ({"groups": 5}, "16 experts in 5 groups of which 2 are kept cannot be"),
        ({"kept_groups": 5}, "16 experts in 4 groups of which 5 are kept cannot be"),
        ({"groups": 16, "kept_groups": 1}, "top_k is 2, and the kept groups have 1 experts"),
        ({"routing": "even"}, "the routing is 'even'"),
        ({"routing": 3}, "routing is 3, and must be a text"),
        ({"routing": "counts:1:1,1"}, "2 experts have counts, and there are 16"),
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
    bare = replace(small, shared_ffn=None, heads=None, kv_heads=None, head_dim=None)
    assert "shared_ffn" not in to_toml(bare)
    latent = replace(bare, heads=8, **LATENT)
    path = tmp_path / "own.toml"
    for preset in (small, bare, latent):
        path.write_text(to_toml(preset))
        assert read_preset(path) == preset


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


@pytest.mark.parametrize(
    ("content", "said"), [(b"= {", "is not"), (b"\xff\xfe", "is not"), (None, "cannot read")]
)
def test_a_file_that_cannot_be_read_is_named(
    content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "broken"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=said) as caught:
        read_preset(path)
    assert str(path) in caught.value.message


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


# The format of its weights

FP8 = replace(load_preset("small"), weight_format="fp8_block", weight_bits=8, group_size=128)


def test_a_preset_may_name_the_format_of_its_weights(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(to_toml(FP8))
    assert read_preset(path) == FP8
    assert FP8.variants["weight_format"] == "fp8_block"
    assert FP8.identity == {"weight_bits": 8, "group_size": 128, "experts": 16, "top_k": 2}


def test_without_one_packed_weights_are_integers_of_its_bits() -> None:
    small = load_preset("small")
    assert (small.packed_format, small.variants["weight_format"]) == ("int4", "")
    named = replace(small, weight_format="int4")
    assert (named.packed_format, named.variants["weight_format"]) == ("int4", "")


def test_a_scale_of_whole_rows_is_no_group() -> None:
    assert replace(FP8, weight_format="fp8_channel").identity["group_size"] is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weight_format": "nvfp4"}, "no kernel for weights of 'nvfp4'"),
        ({"weight_bits": 4}, "weight_bits is 4, and fp8_block has 8"),
        ({"group_size": 64}, "group_size is 64, and fp8_block has 128"),
        ({"weight_format": "fp8_tensor", "group_size": 8, "hidden": 24}, "need a multiple of 16"),
        ({"weight_format": 5}, "no kernel for weights of 5"),
    ],
)
def test_a_format_that_does_not_fit_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        replace(FP8, **change)
