"""The reader of a model's config.json: which keys it knows, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.configs.model_config import ModelConfig, no_experts, read_model_config
from moeprof.scenarios.configs.spellings import KEYS
from moeprof.store.errors import BadInput

# [hidden, expert width, experts, experts per token], and the keys that hold them
FAMILIES: dict[str, tuple[list[int], dict[str, Any]]] = {
    "Mixtral": (
        [4096, 14336, 8, 2],
        {"hidden_size": 4096, "intermediate_size": 14336}
        | {"num_local_experts": 8, "num_experts_per_tok": 2},
    ),
    "DeepSeek-V3": (
        [7168, 2048, 256, 8],
        {"hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048}
        | {"n_routed_experts": 256, "num_experts_per_tok": 8, "n_shared_experts": 1},
    ),
    "DBRX": (
        [6144, 10752, 16, 4],
        {"d_model": 6144}
        | {"ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4}},
    ),
    "Yuan 2.0-M32": (
        [2048, 8192, 32, 2],
        {"hidden_size": 2048, "intermediate_size": 8192}
        | {"moe_config": {"moe_num_experts": 32, "moe_top_k": 2}},
    ),
    "Hunyuan": (
        [4096, 3072, 64, 8],
        {"hidden_size": 4096, "intermediate_size": 3072, "moe_intermediate_size": [3072, 3072]}
        | {"num_experts": 64, "moe_topk": [8, 8]},
    ),
    "ERNIE 4.5": (
        [2560, 1536, 64, 6],
        {"hidden_size": 2560, "intermediate_size": 12288, "moe_intermediate_size": 1536}
        | {"moe_num_experts": 64, "moe_k": 6},
    ),
    "LongCat-Flash": (
        [6144, 2048, 512, 12],
        {"hidden_size": 6144, "ffn_hidden_size": 12288, "expert_ffn_hidden_size": 2048}
        | {"n_routed_experts": 512, "moe_topk": 12, "zero_expert_num": 256},
    ),
    "SmallThinker": (
        [2560, 768, 64, 6],
        {"hidden_size": 2560, "moe_ffn_hidden_size": 768}
        | {"moe_num_primary_experts": 64, "moe_num_active_primary_experts": 6},
    ),
    "Llama 4": (
        [5120, 8192, 16, 1],
        {"text_config": {"hidden_size": 5120, "intermediate_size": 8192}
         | {"num_local_experts": 16, "num_experts_per_tok": 1, "intermediate_size_mlp": 16384}},
    ),
    "Gemma 4": (
        [2816, 704, 128, 8],
        {"text_config": {"hidden_size": 2816, "intermediate_size": 2112}
         | {"moe_intermediate_size": 704, "num_experts": 128, "top_k_experts": 8}},
    ),
    "Qwen3-Omni": (
        [2048, 768, 128, 8],
        {"talker_config": {"text_config": {"num_experts": 64, "hidden_size": 1024}}}
        | {"thinker_config": {"text_config": {"hidden_size": 2048, "moe_intermediate_size": 768}
                              | {"num_experts": 128, "num_experts_per_tok": 8}}},
    ),
    "DeepSeek-VL2": (
        [2048, 1408, 64, 6],
        {"language_config": {"hidden_size": 2048, "moe_intermediate_size": 1408}
         | {"n_routed_experts": 64, "num_experts_per_tok": 6}},
    ),
    "InternVL": (
        [2048, 768, 128, 8],
        {"llm_config": {"hidden_size": 2048, "moe_intermediate_size": 768}
         | {"num_experts": 128, "num_experts_per_tok": 8}},
    ),
    "Grok-1": (
        [6144, 32768, 8, 2],
        {"hidden_size": 6144, "intermediate_size": 32768}
        | {"num_experts": 8, "num_selected_experts": 2},
    ),
    "Switch": (
        [768, 3072, 8, 1],
        {"model_type": "switch_transformers", "d_model": 768, "d_ff": 3072, "num_experts": 8},
    ),
    "NLLB-MoE": (
        [2048, 8192, 128, 2],
        {"model_type": "nllb-moe", "d_model": 2048, "num_experts": 128}
        | {"encoder_ffn_dim": 8192, "decoder_ffn_dim": 8192},
    ),
}  # fmt: skip
Read = Callable[[object], ModelConfig]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a value as config.json, and read it."""

    def written(value: object) -> ModelConfig:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(value))
        return read_model_config(path)

    return written


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_has_its_sizes(family: str, read: Read) -> None:
    sizes, published = FAMILIES[family]
    config = read(published)
    assert config.has_experts
    assert sizes == [
        config.size("hidden_size"),
        config.size("expert_intermediate_size", "intermediate_size"),
        config.size("experts"),
        config.size("top_k"),
    ]
    config.refuse_unknown_widths()


@pytest.mark.parametrize("field", KEYS)
def test_every_key_of_a_field_gives_it(field: str, read: Read) -> None:
    for key in KEYS[field]:
        assert read({key: 8}).value(field) == 8


def test_what_the_file_lacks_is_none(read: Read) -> None:
    assert {read({}).value(field) for field in KEYS} == {None}
    assert read({}).size("hidden_size", "top_k") is None


@pytest.mark.parametrize("value", [None, 0, "", [], {}])
def test_an_empty_number_of_experts_is_none(value: object, read: Read) -> None:
    assert not read({"num_experts": value}).has_experts


@pytest.mark.parametrize("value", [4096, "4096", 4096.0, [4096, 4096], ["4096", 4096]])
def test_a_size_has_several_forms(value: object, read: Read) -> None:
    assert read({"hidden_size": value}).size("hidden_size") == 4096


@pytest.mark.parametrize(
    "value",
    [
        *(0, -1, 4096.5, "4k", "-1", "4_096", True, {"a": 1}, [4096, None], [[]]),
        *(2**20 + 1, 1e300, float("nan"), float("inf")),
    ],
)
def test_what_is_no_size_is_refused_with_its_key(value: object, read: Read) -> None:
    with pytest.raises(BadInput, match=r"config\.json: hidden_size is .* whole number from 1 to"):
        read({"hidden_size": value}).size("hidden_size")


def test_a_strange_value_that_nobody_asks_for_costs_nothing(read: Read) -> None:
    config = read({"hidden_size": 64, "num_shared_experts": "two"})
    assert config.size("hidden_size") == 64


def test_layers_of_several_sizes_are_refused(read: Read) -> None:
    with pytest.raises(BadInput, match="moe_intermediate_size holds several sizes: 1536, 512"):
        read({"moe_intermediate_size": [1536, 512, 512]}).size("expert_intermediate_size")


@pytest.mark.parametrize(
    ("sizes", "refused"),
    [
        ({"moe_intermediate_size": 768, "moe_hidden_size": 1024}, None),
        ({"moe_intermediate_size": 768, "moe_latent_size": 1024}, None),
        ({"moe_intermediate_size": 768, "expert_hidden_size": 1024}, "expert_hidden_size"),
        ({"moe_intermediate_size": 768, "moe_latent_dim": 1024}, "moe_latent_dim"),
        ({"intermediate_size": 768, "moe_hidden_size": 1024}, "moe_hidden_size"),
        ({"intermediate_size": 768, "expert_inner_dim": 1024}, "expert_inner_dim"),
        ({"intermediate_size": 768, "share_expert_dim": 1024, "moe_hidden_act": "silu"}, None),
    ],
)
def test_a_width_that_may_be_that_of_the_experts_is_refused(
    sizes: dict[str, Any], refused: str | None, read: Read
) -> None:
    config = read(sizes)
    if refused is None:
        config.refuse_unknown_widths()
    else:
        with pytest.raises(BadInput, match=f"{refused} is 1024, which may be a width"):
            config.refuse_unknown_widths()


def test_a_layer_with_a_size_of_its_own_is_refused(read: Read) -> None:
    layers = {"25": {"num_experts": 4}, "26": {"hidden_act": "silu"}, "27": None}
    config = read({"num_experts": 64, "hidden_size": 8, "per_layer_config": layers})
    assert config.size("hidden_size") == 8
    with pytest.raises(BadInput, match="num_experts holds several sizes: 64, 4"):
        config.size("experts")


def test_two_keys_of_one_meaning_agree_or_are_refused(read: Read) -> None:
    assert read({"num_experts": 8, "num_local_experts": 8}).size("experts") == 8
    with pytest.raises(BadInput, match="num_local_experts 8 and num_experts 16"):
        read({"num_experts": 16, "num_local_experts": 8}).size("experts")


def test_the_first_field_that_the_file_has_is_the_size(read: Read) -> None:
    config = read({"intermediate_size": 18432, "moe_intermediate_size": 2048})
    assert config.size("expert_intermediate_size", "intermediate_size") == 2048
    assert config.size("hidden_size", "intermediate_size") == 18432


def test_a_multimodal_model_has_its_sizes_in_text_config(read: Read) -> None:
    outer = {"model_type": "some", "torch_dtype": "float16", "hidden_size": 1408}
    outer |= {"quantization_config": {"bits": 4}}
    config = read(outer | {"text_config": {"num_experts": 8, "model_type": None}})
    assert config.size("experts") == 8
    assert config.size("hidden_size") is None
    assert (config.value("model_type"), config.value("dtype")) == ("some", "float16")
    assert config.value("quantization") == {"bits": 4}


def test_experts_in_two_places_agree_or_are_refused(read: Read) -> None:
    assert read({"num_experts": 8, "text_config": {"num_experts": 8}}).size("experts") == 8
    assert read({"num_experts": 0, "text_config": {"num_experts": 16}}).size("experts") == 16
    with pytest.raises(BadInput, match="is 8 in its outer object and 16 in text_config"):
        read({"num_experts": 8, "text_config": {"num_experts": 16}})


def test_experts_of_any_part_are_found_but_those_of_pictures(read: Read) -> None:
    assert read({"decoder": {"lm": {"num_experts": 16}}}).part == "decoder.lm"
    assert not read({"vision_config": {"num_experts": 16}}).has_experts


@pytest.mark.parametrize(("value", "said"), [(0, "is 0"), (None, "is null")])
def test_a_model_with_its_experts_off_inside_says_so(value: object, said: str, read: Read) -> None:
    config = read({"text_config": {"num_experts": value}})
    assert f"num_experts {said}" in no_experts(config).message


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_file_of_another_encoding_is_read(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"hidden_size": 64}', encoding=encoding)
    assert read_model_config(path).size("hidden_size") == 64


def test_a_file_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("[" * 100_000)
    with pytest.raises(BadInput, match="nested too deeply"):
        read_model_config(path)


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


def test_a_number_of_thousands_of_digits_that_nobody_asks_for_costs_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.json"
    digits = "9" * 5000
    path.write_text(f'{{"num_experts": 8, "unused": {digits}, "hidden_size": {digits}}}')
    config = read_model_config(path)
    assert config.size("experts") == 8
    with pytest.raises(BadInput, match=r"hidden_size is '9+.*, and must be a whole number"):
        config.size("hidden_size")


def test_a_pointer_of_git_lfs_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(BadInput, match="is a Git LFS pointer"):
        read_model_config(path)


@pytest.mark.parametrize("key", ["latent_size", "latent_dim"])
def test_a_latent_width_of_an_unknown_key_is_refused(key: str, read: Read) -> None:
    config = read({"num_experts": 8, "moe_intermediate_size": 1024, key: 512})
    with pytest.raises(BadInput, match=f"{key} is 512, which may be a width of the experts"):
        config.refuse_unknown_widths()
