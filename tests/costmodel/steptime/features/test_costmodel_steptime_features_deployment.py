"""How a model is served, and what cannot be."""

import pytest

from moeprof.costmodel.steptime.features.columns import kv_us
from moeprof.costmodel.steptime.features.deployment import Split, deployment
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    LLAMA_3_8B,
    decode_steps,
    served,
)


def test_gpus_are_those_of_all_groups() -> None:
    spread = served(DEEPSEEK_V3, split=Split(tp=2, dp=4, ep=8))
    assert spread.gpus == 8
    assert spread.configuration == "deepseek-v3 | H100 | tp2 ep8 dp4 | bf16 | vllm"
    assert spread.bytes_per_us == pytest.approx(3.35e6)
    assert spread.link_bytes_per_us == pytest.approx(450e3)


def test_cards_beyond_their_bridges_send_over_pcie() -> None:
    pair, four = (served(gpu="H100-PCIe", split=Split(tp=tp)) for tp in (2, 4))
    assert (pair.link_bytes_per_us, four.link_bytes_per_us) == (300e3, 64e3)
    apart = served(gpu="H100-PCIe", split=Split(tp=2, dp=4))  # groups exchange nothing
    assert apart.link_bytes_per_us == 300e3


@pytest.mark.parametrize(
    ("gpu", "precision", "split", "named"),
    [
        ("H100", "bf16", Split(tp=3), "32 heads and 8 heads of keys"),
        ("H100", "bf16", Split(tp=0), "tp 0, ep 1 and dp 1 must be 1 or more"),
        ("H100", "bf16", Split(dp=0), "dp 0 must be"),
        ("H100", "bf17", Split(), "bf17"),
        ("TPUv5", "bf16", Split(), "TPUv5"),
        ("A100", "bf16", Split(), "one of several"),
    ],
)
def test_what_cannot_be_served_is_refused(
    gpu: str, precision: str, split: Split, named: str
) -> None:
    with pytest.raises(BadInput, match=named):
        deployment(LLAMA_3_8B, gpu, precision, "vllm", split)


def test_names_are_taken_however_they_are_spelled() -> None:
    spelled = deployment(LLAMA_3_8B, "NVIDIA H100 80GB HBM3", "Float16", "vLLM", Split())
    assert spelled == served(LLAMA_3_8B)


def test_a_precision_is_of_a_dense_model_or_of_experts() -> None:
    assert served(LLAMA_3_8B, precision="int4").stored_as == "int4 of a dense model"
    assert served(DEEPSEEK_V3, precision="int4").stored_as == "int4 of experts"


def test_a_cache_in_fp8_is_half_as_long_to_read() -> None:
    steps = decode_steps([1, 64])
    narrow = deployment(LLAMA_3_8B, "H100", "bf16", "vllm", Split(), kv_cache_dtype="fp8")
    assert kv_us(narrow, steps) == pytest.approx(kv_us(served(LLAMA_3_8B), steps) / 2)
