"""What a quantization_config says of attention, dense layers and experts."""

import json
from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.configs.whole_model import whole_model
from moeprof.store.errors import BadInput
from moeprof.store.serving.whole_model import StoredFormats

DENSE: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
    "num_attention_heads": 32, "num_hidden_layers": 8, "num_key_value_heads": 8,
    "vocab_size": 128256,
}  # fmt: skip
MOE: dict[str, Any] = DENSE | {
    "model_type": "deepseek_v2", "n_routed_experts": 64, "num_experts_per_tok": 6,
    "moe_intermediate_size": 1408, "n_shared_experts": 2, "first_k_dense_replace": 1,
}  # fmt: skip
FOUR_BITS = {"num_bits": 4, "type": "int", "group_size": 128}
FOUR_FLOAT = {"num_bits": 4, "type": "float"}


def stored(folder: Path, config: dict[str, Any]) -> StoredFormats | None:
    """The formats of a model's file."""
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return whole_model(path).stored


def quantised(quantization: dict[str, Any], config: dict[str, Any] = DENSE) -> dict[str, Any]:
    """A model's file with a quantization_config."""
    return config | {"quantization_config": quantization}


@pytest.mark.parametrize(
    ("quantization", "name", "group"),
    [
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8", None),
        ({"quant_method": "gptq", "bits": 4, "group_size": 64}, "int4", 64),
        ({"quant_method": "awq", "w_bit": 4, "q_group_size": 128}, "int4", 128),
        ({"quant_method": "gptq", "bits": 8}, "int8", None),
        ({"quant_method": "bitsandbytes", "bnb_4bit_quant_type": "nf4"}, "nf4", None),
        ({"quant_method": "hqq", "quant_config": {}}, "hqq", None),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8", None),
        ({"bits": 3}, "a format without a name", None),
        ({"quant_algo": "NVFP4", "quant_method": "modelopt"}, "nvfp4", None),
        ({"config_groups": {"0": {"targets": ["Linear"], "weights": FOUR_BITS}}}, "int4", 128),
        (
            {"config_groups": {"0": {"weights": {"num_bits": 8, "type": "float"}}}},
            "fp8",
            None,
        ),
        (
            {"config_groups": {"0": {"weights": FOUR_FLOAT, "input_activations": FOUR_FLOAT}}},
            "nvfp4",
            None,
        ),
        ({"config_groups": {"0": {"weights": FOUR_FLOAT}}}, "nvfp4a16", None),
        (
            {"quant_algo": "W4A16_NVFP4", "quant_method": "modelopt"},
            "nvfp4a16",
            None,
        ),
    ],
)
def test_each_tool_names_its_format(
    tmp_path: Path, quantization: dict[str, Any], name: str, group: int | None
) -> None:
    assert stored(tmp_path, quantised(quantization)) == StoredFormats(
        name, name, name, group, zero_points=quantization.get("quant_method") == "awq"
    )


@pytest.mark.parametrize(
    ("quantization", "group", "zeros"),
    [
        ({"quant_method": "gptq", "bits": 4, "group_size": -1, "sym": True}, 0, False),
        ({"config_groups": {"0": {"weights": FOUR_BITS | {"strategy": "channel"}}}}, 0, False),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128, "sym": False}, 128, True),
        ({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": False}, 128, False),
    ],
)
def test_scales_of_int4_are_those_of_the_file(
    tmp_path: Path, quantization: dict[str, Any], group: int, *, zeros: bool
) -> None:
    found = stored(tmp_path, quantised(quantization))
    assert found is not None
    assert (found.group_size, found.zero_points) == (group, zeros)


def test_a_file_without_a_quantization_says_nothing(tmp_path: Path) -> None:
    assert stored(tmp_path, DENSE) is None


@pytest.mark.parametrize(
    "left",
    [
        {"ignore": ["re:.*self_attn.*", "re:.*shared_experts.*", "lm_head"]},
        {"modules_to_not_convert": ["model.layers.*.self_attn", "*.mlp.shared_experts.*"]},
        {"exclude_modules": [f"model.layers.{layer}.{part}*" for layer in range(8)
                             for part in ("self_attn", "mlp.shared_experts")]},
    ],
)  # fmt: skip
def test_what_is_left_out_stays_in_16_bits(tmp_path: Path, left: dict[str, Any]) -> None:
    found = stored(tmp_path, quantised({"quant_method": "nvfp4"} | left, MOE))
    assert found == StoredFormats("bf16", "bf16", "nvfp4")


@pytest.mark.parametrize(
    "left",
    [
        ["lm_head", "gate", "model.layers.3.mlp.gate", "model.layers.3.self_attn.indexer.k_norm"],
        ["model.layers.0*"],
        ["mtp.*"],
        ["re:(", 7],
    ],
)
def test_routers_norms_and_single_layers_leave_a_part_as_it_is(
    tmp_path: Path, left: list[Any]
) -> None:
    quantization = {"quant_method": "fp8", "modules_to_not_convert": left}
    assert stored(tmp_path, quantised(quantization, MOE)) == StoredFormats("fp8", "fp8", "fp8")


def test_a_mixture_is_told_by_its_layers(tmp_path: Path) -> None:
    layers = {
        f"model.layers.{layer}.{module}": {"quant_algo": algorithm}
        for layer in range(8)
        for module, algorithm in (
            ("self_attn.q_proj", "FP8"),
            ("mlp.experts.0.gate_proj", "NVFP4"),
        )
    }
    quantization = {"quant_algo": "MIXED_PRECISION", "quantized_layers": layers}
    assert stored(tmp_path, quantised(quantization, MOE)) == StoredFormats("fp8", "bf16", "nvfp4")


HYBRID: dict[str, Any] = DENSE | {
    "model_type": "nemotron_h", "hybrid_override_pattern": "M*E" * 2 + "ME", "num_hidden_layers": 8,
    "n_routed_experts": 64, "num_experts_per_tok": 6, "moe_intermediate_size": 1408,
    "mamba_num_heads": 64, "mamba_head_dim": 64, "ssm_state_size": 128, "n_groups": 8,
    "conv_kernel": 4, "moe_shared_expert_intermediate_size": 1408, "head_dim": 128,
}  # fmt: skip


def test_attention_and_states_are_measured_by_their_own_layers(tmp_path: Path) -> None:
    """Both of two layers of attention and one of three of Mamba stay as they were."""
    left = ["lm_head", "mtp*", "mtp.layers.0*", "backbone.layers.0.mixer.in_proj"]
    left += [f"backbone.layers.{layer}.mixer.q_proj" for layer in (1, 4)]
    found = stored(tmp_path, quantised({"quant_algo": "NVFP4", "exclude_modules": left}, HYBRID))
    assert found is not None
    assert (found.attention, found.states, found.experts) == ("bf16", "nvfp4", "nvfp4")
    assert found.states_in_bf16 == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("quantization", "head"),
    [
        ({"quant_method": "gptq", "bits": 4, "lm_head": True}, "int4"),
        ({"quant_method": "gptq", "bits": 4, "lm_head": False}, "bf16"),
        ({"quantized_layers": {"lm_head": {"quant_algo": "W4A16_NVFP4"}}}, "nvfp4a16"),
        (
            {
                "quantized_layers": {"lm_head": {"quant_algo": "FP8"}},
                "exclude_modules": ["lm_head"],
            },
            "bf16",
        ),
        ({"quant_method": "fp8"}, "bf16"),
    ],
)
def test_a_head_is_quantised_where_it_is_named(
    tmp_path: Path, quantization: dict[str, Any], head: str
) -> None:
    found = stored(tmp_path, quantised(quantization))
    assert found is not None
    assert found.head == head


def test_quark_says_what_is_stored_apart(tmp_path: Path) -> None:
    quantization = {
        "quant_method": "quark",
        "global_quant_config": {"weight": {"dtype": "fp4", "group_size": 32}},
        "layer_quant_config": {"*self_attn*": {"weight": {"dtype": "fp8_e4m3"}}},
        "exclude": ["lm_head"],
    }
    assert stored(tmp_path, quantised(quantization, MOE)) == StoredFormats("fp8", "mxfp4", "mxfp4")


def test_modelopt_has_a_file_of_its_own(tmp_path: Path) -> None:
    beside = tmp_path / "hf_quant_config.json"
    beside.write_text('{"quantization": {"quant_algo": "FP8", "exclude_modules": ["lm_head"]}}')
    assert stored(tmp_path, DENSE) == StoredFormats("fp8", "fp8", "fp8")
    beside.write_text("{")
    with pytest.raises(BadInput, match="is not JSON"):
        stored(tmp_path, DENSE)
