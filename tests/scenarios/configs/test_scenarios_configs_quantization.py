"""The size of 4-bit groups in a model's quantization_config."""

from typing import Any

import pytest

from moeprof.scenarios.configs.quantization import four_bit_group_size, quantization_method

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
