"""Bytes per parameter and rates by precision."""

from dataclasses import replace

import pytest

from moeprof.costmodel.steptime.features.parameters import attention_parameters
from moeprof.costmodel.steptime.features.precisions import (
    computed_in_bf16,
    flop_per_us,
    precision_name,
    precision_of,
    stored_precision,
)
from moeprof.device.peaks import gpu_sheet
from moeprof.store.errors import BadInput
from moeprof.store.serving.whole_model import StateLayers, StoredFormats
from moeprof.tests.costmodel.steptime.whole_models import DEEPSEEK_V3, LLAMA_3_8B


def test_nvfp4_keeps_the_attention_of_models_with_experts_in_bf16() -> None:
    assert precision_of("nvfp4", DEEPSEEK_V3).attention_bytes == 2
    assert precision_of("nvfp4", LLAMA_3_8B).attention_bytes == pytest.approx(0.5625)


@pytest.mark.parametrize(
    ("precision", "weight_bytes", "arithmetic"),
    [
        ("bf16", 2.0, "bf16"),
        ("fp8", 1.0, "fp8"),
        ("nvfp4", 0.5625, "fp4"),
        ("nvfp4a16", 0.5625, "bf16"),
        ("mxfp4", 0.53125, "fp4"),
        ("int4", 0.515625, "bf16"),
    ],
)
def test_every_layer_of_a_dense_model_has_the_precision(
    precision: str, weight_bytes: float, arithmetic: str
) -> None:
    found = precision_of(precision, LLAMA_3_8B)
    assert (found.attention_bytes, found.dense_bytes) == (weight_bytes, weight_bytes)
    assert (found.attention_type, found.ffn_type) == (arithmetic, arithmetic)
    assert found.head_bytes == 2


def test_int4_of_a_model_with_experts_is_of_these_alone() -> None:
    found = precision_of("int4", DEEPSEEK_V3)
    assert (found.attention_bytes, found.dense_bytes, found.expert_bytes) == (2, 2, 0.5625)


def test_the_file_of_a_model_says_what_its_precision_leaves_out() -> None:
    stored = StoredFormats("int4", "bf16", "int4", group_size=64)
    own = replace(DEEPSEEK_V3, stored=stored)
    found = precision_of("int4", own)
    assert (found.attention_bytes, found.dense_bytes, found.expert_bytes) == (0.53125, 2, 0.53125)
    assert stored_precision(own) == "int4"
    assert precision_of("fp8", own) == precision_of("fp8", DEEPSEEK_V3)


def test_states_are_counted_in_their_own_format() -> None:
    """Beside attention states of as many parameters, half of them left in bf16."""
    attention = attention_parameters(LLAMA_3_8B)
    states = StateLayers("Mamba 2", 2, attention // 2)
    stored = StoredFormats("bf16", "fp8", "fp8", states="fp8", states_in_bf16=0.5)
    hybrid = replace(LLAMA_3_8B, layers=34, states=states, stored=stored)
    assert precision_of("fp8", hybrid).attention_bytes == pytest.approx((2 + 1.5) / 2)
    more = replace(hybrid, states=replace(states, parameters=attention))
    assert precision_of("fp8", more).attention_type == "fp8"
    assert precision_of("fp8", hybrid).attention_type == "bf16"


@pytest.mark.parametrize(
    ("group", "zeros", "weight_bytes"),
    [(None, False, 0.515625), (64, False, 0.53125), (64, True, 0.5390625), (0, False, 0.5)],
)
def test_int4_has_its_scales_and_zero_points(
    group: int | None, zeros: bool, weight_bytes: float
) -> None:
    stored = StoredFormats("int4", "int4", "int4", group, zero_points=zeros)
    assert precision_of("int4", replace(LLAMA_3_8B, stored=stored)).dense_bytes == weight_bytes


def test_a_head_has_the_format_of_its_file() -> None:
    stored = StoredFormats("fp8", "nvfp4a16", "nvfp4a16", head="nvfp4a16")
    own = replace(LLAMA_3_8B, stored=stored)
    assert precision_of("nvfp4a16", own).head_bytes == 0.5625
    assert precision_of("nvfp4", own).head_bytes == 2


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("FP8", "fp8"),
        ("fp16", "bf16"),
        ("BFloat16", "bf16"),
        ("W4A16", "int4"),
        ("AWQ", "int4"),
        ("W4A16_NVFP4", "nvfp4a16"),
        ("fp8_e4m3", "fp8"),
        ("MXFP4", "mxfp4"),
        ("fp3", "fp3"),
    ],
)
def test_a_precision_has_one_name(words: str, name: str) -> None:
    assert precision_name(words) == name


@pytest.mark.parametrize(
    ("gpu", "arithmetic", "tflops"),
    [
        ("B200", "fp4", 9000),
        ("H100", "fp4", 989.5),
        ("H100", "fp8", 1979),
        ("A100-40GB", "fp8", 312),
    ],
)
def test_what_a_gpu_lacks_is_computed_in_bf16(gpu: str, arithmetic: str, tflops: float) -> None:
    sheet = gpu_sheet(gpu)
    assert flop_per_us(sheet, arithmetic) == pytest.approx(tflops * 1e6)


@pytest.mark.parametrize(
    ("gpu", "precision", "types"),
    [
        ("H100", "nvfp4", ("fp4",)),
        ("A100-80GB", "fp8", ("fp8",)),
        ("B200", "nvfp4", ()),
        ("A100-80GB", "bf16", ()),
    ],
)
def test_types_without_units_are_named(gpu: str, precision: str, types: tuple[str, ...]) -> None:
    assert computed_in_bf16(precision_of(precision, LLAMA_3_8B), gpu_sheet(gpu)) == types


def test_an_unknown_precision_is_refused_with_those_known() -> None:
    with pytest.raises(BadInput, match="fp3") as refusal:
        precision_of("fp3", LLAMA_3_8B)
    assert "nvfp4" in refusal.value.hint
