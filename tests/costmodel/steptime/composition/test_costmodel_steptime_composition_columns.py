"""Columns of kernels hold their time beyond reading, with prompts in the calls of the decode."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.composition.columns import is_converted, kernel_columns
from moeprof.costmodel.steptime.features.deployment import Split
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.composition.h200_kernels import (
    LAUNCH_US,
    computing_us,
    h200_kernels,
)
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    decode_steps,
    served,
)

LLAMA, MIXTRAL = served(LLAMA_3_8B, "H200"), served(MIXTRAL_8X7B, "H200")
DENSE = 6144 * 4096 + 4096 * 4096 + 3 * 4096 * 14336  # parameters of a layer
EXPERT = 3 * 4096 * 14336


def test_of_decode_only_launches_and_arithmetic_count() -> None:
    found = kernel_columns(h200_kernels(), LLAMA, decode_steps([1.0, 64.0]))
    by_hand = [32 * (4 * LAUNCH_US + computing_us(DENSE, m)) for m in (1, 64)]
    assert found["products"] == pytest.approx(by_hand, rel=1e-3)
    assert found["experts"].tolist() == found["attention"].tolist() == [0, 0]


def test_a_step_with_prompts_computes_them_with_the_tokens_that_decode() -> None:
    none = decode_steps([16.0])
    quarter = np.asarray([0.25])
    steps = replace(none, prefill_tokens=252.0 * np.ones(1), prefill_share=quarter)
    found = kernel_columns(h200_kernels(), LLAMA, steps)["products"]
    alone, beside = (4 * LAUNCH_US + computing_us(DENSE, m) for m in (16, 16 + 4 * 252))
    assert found == pytest.approx([32 * (0.75 * alone + 0.25 * beside)], rel=1e-3)


def test_experts_count_beyond_those_that_were_read() -> None:
    found = kernel_columns(h200_kernels(), MIXTRAL, decode_steps([2.0, 64.0]))["experts"]
    by_hand = [32 * (LAUNCH_US + computing_us(EXPERT, 2 * m)) for m in (2, 64)]
    assert found == pytest.approx(by_hand, rel=1e-3)


def test_experts_are_shared_by_the_gpus() -> None:
    halves = served(MIXTRAL_8X7B, "H200", split=Split(tp=1, dp=2, ep=2))
    one, two = (
        kernel_columns(h200_kernels(), some, decode_steps([64.0])) for some in (MIXTRAL, halves)
    )
    assert two["experts"] == pytest.approx(one["experts"] / 2)
    assert (two["products"] < one["products"]).all()


def test_fp8_takes_half_of_what_bf16_does_and_says_so() -> None:
    eight = served(LLAMA_3_8B, "H200", "fp8")
    one, half = (
        kernel_columns(h200_kernels(), some, decode_steps([8.0]))["products"]
        for some in (LLAMA, eight)
    )
    assert half == pytest.approx(one / 2)
    assert is_converted(h200_kernels(), eight)
    assert not is_converted(h200_kernels(), LLAMA)


def test_another_gpu_and_a_missing_shape_are_refused() -> None:
    with pytest.raises(BadInput, match="the steps are of H100"):
        kernel_columns(h200_kernels(), served(), decode_steps([1.0]))
    with pytest.raises(BadInput, match="the kernel model has no "):
        kernel_columns(h200_kernels(), served(DEEPSEEK_V3, "H200"), decode_steps([1.0]))
