"""The format of experts, and the size of 4-bit groups, in a model's quantization_config."""

from typing import Any

import pytest

from moeprof.scenarios.configs.quantization import (
    OwnFormat,
    four_bit_group_size,
    own_format,
    quantization_method,
)

COMPRESSED_TENSORS = {
    "quant_method": "compressed-tensors",
    "config_groups": {"group_0": {"weights": {"num_bits": 4, "group_size": 32}}},
}
NVFP4 = {"quant_algo": "NVFP4", "group_size": 16}
EIGHT_BITS = {"weights": {"num_bits": 8, "group_size": 128}, "targets": ["layers.0.mlp.gate_proj"]}
BY_GROUPS = {
    "quant_method": "compressed-tensors",
    "config_groups": {
        "group_0": EIGHT_BITS,
        "group_1": {
            "weights": {"num_bits": 4, "group_size": 16},
            "targets": ["lm_head", "layers.0.mlp.experts"],
        },
    },
}
BY_LAYERS = {
    "quant_method": "modelopt",
    "quantized_layers": {
        "layers.0.mlp.shared_experts.up_proj": {"quant_algo": "FP8"},
        "layers.0.mlp.experts.0.up_proj": NVFP4,
    },
}


@pytest.mark.parametrize(
    ("quantization", "size"),
    [
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, 128),
        ({"quant_method": "awq", "w_bit": 4, "q_group_size": 64}, 64),
        (COMPRESSED_TENSORS, 32),
        (BY_GROUPS, 16),
        (BY_LAYERS, 16),
        ({"quantized_layers": {"mlp.experts": {"quant_algo": "FP8", "group_size": 16}}}, None),
        ({"quantized_layers": {"mlp.experts": None}}, None),
        ({"config_groups": {"a": EIGHT_BITS | {"targets": None}}}, None),
        ("awq", None),
        ({"quant_method": "mxfp4"}, 32),
        ({"quant_method": "gptq", "bits": 8, "group_size": 128}, None),
        ({"quant_method": "gptq", "bits": 4, "group_size": -1}, None),
        ({"quant_method": "gptq", "bits": 4, "group_size": "128"}, None),
        ({"quant_method": "gptq", "bits": 4}, None),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, None),
        ({"config_groups": {"group_0": None}}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_a_size_of_4_bit_groups_is_read(quantization: Any, size: int | None) -> None:
    assert four_bit_group_size(quantization) == size


def test_a_method_has_a_name() -> None:
    assert quantization_method({"quant_method": "fp8"}) == "fp8"
    assert quantization_method({"quant_method": ["fp8"]}) == "unnamed"
    assert quantization_method("awq") == "awq"
    assert quantization_method(["awq"]) == "unnamed"
    assert quantization_method(BY_LAYERS) == "NVFP4"
    assert quantization_method({"quant_method": "fp8", "moe_quant_algo": "NVFP4"}) == "NVFP4"
    assert quantization_method(None) is None


def compressed(**weights: Any) -> dict[str, Any]:
    """One group of compressed-tensors."""
    return {
        "quant_method": "compressed-tensors",
        "config_groups": {"group_0": {"weights": weights}},
    }


FLOAT8 = {"num_bits": 8, "type": "float", "symmetric": True}
INT4 = {"num_bits": 4, "type": "int", "group_size": 128}


@pytest.mark.parametrize(
    ("quantization", "name", "group"),
    [
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8_block", None),
        ({"quant_method": "fp8", "activation_scheme": "static"}, "fp8_tensor", None),
        ({"quant_method": "fbgemm_fp8"}, "fp8_channel", None),
        (compressed(**FLOAT8, strategy="tensor"), "fp8_tensor", None),
        (compressed(**FLOAT8, strategy="channel"), "fp8_channel", None),
        (compressed(**FLOAT8, strategy="block", block_structure=[128, 128]), "fp8_block", None),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8_tensor", None),
        ({"quant_method": "modelopt", "moe_quant_algo": "FP8_PB_WO"}, "fp8_block", None),
        ({"quant_method": "mxfp4"}, "mxfp4", None),
        ({"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": True}, "int4", 32),
        ({"quant_method": "gptq", "bits": 8, "group_size": 128}, "int8", 128),
        ({"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": False}, "int4_zeros", 32),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, "int4_zeros", 128),
        ({"quant_method": "awq", "w_bit": 4, "q_group_size": 64, "zero_point": False}, "int4", 64),
        (compressed(**INT4, symmetric=True, strategy="group"), "int4", 128),
        (compressed(**INT4, symmetric=False, strategy="group"), "int4_zeros", 128),
    ],
)
def test_a_format_is_named_by_what_the_tools_write(
    quantization: Any, name: str, group: int | None
) -> None:
    assert own_format(quantization) == OwnFormat(name, group)


@pytest.mark.parametrize(
    ("quantization", "why"),
    [
        ({"quant_method": "fp8", "weight_block_size": [64, 128]}, "blocks [64, 128]"),
        ({"quant_method": "fp8", "weight_block_size": "x"}, "blocks 'x'"),
        (compressed(**FLOAT8, strategy="group", group_size=32), "no kernel for scales by 'group'"),
        (compressed(num_bits=4, type="float", group_size=16), "moeprof knows no such format"),
        (compressed(num_bits=8, type="int", strategy="channel"), "share a scale by None"),
        ({"quant_method": "gptq", "bits": 4, "group_size": -1}, "share a scale by -1"),
        ({"quant_method": "gptq", "bits": 3, "group_size": 128}, "knows no such format"),
        ({"quant_method": "gptq", "bits": 8, "group_size": 32, "sym": False}, "int8 with zero"),
        (NVFP4 | {"quant_method": "modelopt"}, "nvfp4 would need"),
        ({"quant_method": "bitsandbytes", "bnb_4bit_quant_type": "nf4"}, "nf4 would need"),
        ({"quant_method": "new"}, "moeprof knows no such format"),
        ("awq", "its form is unknown"),
        ([4], "its form is unknown"),
    ],
)
def test_any_other_format_says_why_it_is_not_taken(quantization: Any, why: str) -> None:
    found = own_format(quantization)
    assert found.name is None
    assert why in str(found.why)
