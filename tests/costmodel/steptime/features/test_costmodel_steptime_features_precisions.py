"""Bytes per parameter and rates by precision."""

import pytest

from moeprof.costmodel.steptime.features.precisions import flop_per_us, precision_of
from moeprof.device.peaks import gpu_sheet
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.whole_models import DEEPSEEK_V3, LLAMA_3_8B


def test_nvfp4_keeps_the_attention_of_models_with_experts_in_bf16() -> None:
    assert precision_of("nvfp4", DEEPSEEK_V3).attention_bytes == 2
    assert precision_of("nvfp4", LLAMA_3_8B).attention_bytes == pytest.approx(0.5625)


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


def test_an_unknown_precision_is_refused_with_those_known() -> None:
    with pytest.raises(BadInput, match="fp3") as refusal:
        precision_of("fp3", LLAMA_3_8B)
    assert "nvfp4" in refusal.value.hint
