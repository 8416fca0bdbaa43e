"""The format of the experts that a config.json stands for, and why another is not taken."""

from pathlib import Path
from typing import Any

import pytest

from moeprof.scenarios.configs.model_config import ModelConfig
from moeprof.scenarios.configs.weights import expert_weights

FP8 = {"quant_method": "fp8", "weight_block_size": [128, 128]}
WIDTHS = (512, 256)


def config(**keys: Any) -> ModelConfig:
    return ModelConfig(Path("config.json"), {"torch_dtype": "bfloat16", **keys})


def test_a_format_with_kernels_is_the_preset_s() -> None:
    found = expert_weights(config(quantization_config=FP8), "bfloat16", WIDTHS)
    assert (found.weight_format, found.bits, found.group_size) == ("fp8_block", 8, 128)
    assert found.told == (
        "bfloat16 (bfloat16 in the config), and experts in fp8_block, as its quantisation (fp8) has"
    )


def test_groups_of_its_own_are_kept() -> None:
    awq = {"quant_method": "awq", "bits": 4, "group_size": 64}
    found = expert_weights(config(quantization_config=awq), "bfloat16", WIDTHS)
    assert (found.weight_format, found.bits, found.group_size) == ("int4_zeros", 4, 64)
    assert found.told.endswith("(awq) has, in groups of 64")


@pytest.mark.parametrize(
    ("widths", "why"),
    [
        ((512, 96), "96 is no multiple of its 128 weights per scale"),
        ((512, 256, 64), "64 is no multiple of its 128 weights per scale"),
    ],
)
def test_a_format_whose_groups_do_not_divide_the_widths_is_not_taken(
    widths: tuple[int, ...], why: str
) -> None:
    found = expert_weights(config(quantization_config=FP8), "bfloat16", widths)
    assert (found.weight_format, found.bits) == (None, 4)
    assert found.told.endswith(f"(fp8) is not modelled: {why}")


def test_groups_of_no_multiple_of_8_are_not_taken() -> None:
    gptq = {"quant_method": "gptq", "bits": 4, "group_size": 4}
    found = expert_weights(config(quantization_config=gptq), "bfloat16", WIDTHS)
    assert (found.weight_format, found.group_size) == (None, 128)
    assert found.told.endswith("groups of 4 are no multiple of 8")


def test_without_a_quantisation_experts_are_of_the_dtype() -> None:
    found = expert_weights(config(), "bfloat16", (768, 96))
    assert (found.weight_format, found.bits, found.group_size) == (None, 4, 32)
    assert found.told.endswith("the config names no quantisation")
