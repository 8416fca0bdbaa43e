"""The reader of a model's config.json: which keys it knows, and what it refuses."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from moeprof.store.errors import BadInput
from moeprof.store.model_config import KEYS, ModelConfig, keys_of, read_model_config

DEEPSEEK_V3: dict[str, Any] = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "vocab_size": 129280,
    "torch_dtype": "bfloat16",
    "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
}
Read = Callable[[object], ModelConfig]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a value as config.json, and read it."""

    def written(value: object) -> ModelConfig:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(value))
        return read_model_config(path)

    return written


def test_a_published_config_gives_its_fields(read: Read) -> None:
    assert read(DEEPSEEK_V3) == ModelConfig(
        model_type="deepseek_v3",
        architectures=["DeepseekV3ForCausalLM"],
        hidden_size=7168,
        intermediate_size=18432,
        expert_intermediate_size=2048,
        experts=256,
        top_k=8,
        shared_experts=1,
        layers=61,
        attention_heads=128,
        key_value_heads=128,
        vocabulary_size=129280,
        dtype="bfloat16",
        quantization={"quant_method": "fp8", "weight_block_size": [128, 128]},
    )


def test_what_the_file_lacks_is_none(read: Read) -> None:
    assert set(asdict(read({})).values()) == {None}


@pytest.mark.parametrize("value", [None, 0, "", [], {}])
def test_an_empty_value_counts_as_none(value: object, read: Read) -> None:
    assert read({"num_experts": value}).experts is None


def test_a_value_of_any_type_stays_as_it_is(read: Read) -> None:
    assert read({"hidden_size": "4096", "num_experts": [8, 16]}).experts == [8, 16]


def test_every_field_has_keys() -> None:
    assert [field.name for field in fields(ModelConfig)] == list(KEYS)


@pytest.mark.parametrize("key", ["num_local_experts", "num_experts", "n_routed_experts"])
def test_experts_have_several_keys(key: str, read: Read) -> None:
    assert key in keys_of("experts")
    assert read({key: 8}).experts == 8


def test_the_first_field_that_the_file_has_is_the_size() -> None:
    config = ModelConfig(intermediate_size=18432, expert_intermediate_size=2048)
    assert config.size("expert_intermediate_size", "intermediate_size") == 2048
    assert config.size("hidden_size", "intermediate_size") == 18432
    assert config.size("hidden_size") is None


def test_a_multimodal_model_has_its_sizes_in_text_config(read: Read) -> None:
    outer = {"model_type": "some", "torch_dtype": "float16", "hidden_size": 1408, "vocab_size": 7}
    config = read(outer | {"text_config": {"num_experts": 8, "model_type": None}})
    assert (config.experts, config.model_type, config.dtype) == (8, "some", "float16")
    assert (config.hidden_size, config.vocabulary_size) == (None, None)


def test_experts_outside_text_config_leave_it_unread(read: Read) -> None:
    assert read({"num_experts": 8, "text_config": {"num_experts": 16}}).experts == 8


@pytest.mark.parametrize("value", [[], 3, "config", None])
def test_a_file_without_an_object_is_refused(value: object, read: Read) -> None:
    with pytest.raises(BadInput, match=r"config\.json .*holds no object"):
        read(value)


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("= {")
    with pytest.raises(BadInput, match="is not JSON") as caught:
        read_model_config(path)
    assert str(path) in caught.value.message
