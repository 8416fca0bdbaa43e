"""Which splits engines make, and how far the links of a GPU reach."""

from dataclasses import replace

import pytest

from moeprof.costmodel.steptime.features.splits import Split, check_split, tensor_splits
from moeprof.device.peaks import gpu_sheet
from moeprof.store.errors import BadInput
from moeprof.store.serving.whole_model import WholeModel
from moeprof.tests.costmodel.steptime.whole_models import DEEPSEEK_V3, LLAMA_3_8B, MIXTRAL_8X7B

QWEN3_14B = replace(LLAMA_3_8B, name="qwen3-14b", heads=40)


@pytest.mark.parametrize(
    ("model", "gpu", "split", "said", "hint"),
    [
        (QWEN3_14B, "H100", Split(tp=5), "40 heads and 8 heads of keys", "give --tp 1, 2, 4 or 8"),
        (DEEPSEEK_V3, "H100", Split(tp=3), "128 heads of deepseek-v3", "--tp 1, 2, 4 or 8"),
        (DEEPSEEK_V3, "H100", Split(ep=64), "64 parts of 1 GPUs", "give --ep 1"),
        (MIXTRAL_8X7B, "H100", Split(tp=2, ep=3), "3 parts of 2 GPUs", "give --ep 1 or 2"),
        (MIXTRAL_8X7B, "GB200", Split(tp=8, dp=2, ep=16), "8 experts", "--ep 1, 2, 4 or 8"),
        (LLAMA_3_8B, "H100", Split(tp=2, ep=2), "no experts to spread over 2", "leave out --ep"),
        (LLAMA_3_8B, "H100", Split(tp=16), "16 H100 exchange", "a split of 8 GPUs at most"),
        (DEEPSEEK_V3, "H100", Split(tp=8, dp=2), "16 H100 exchange", "a split of 8 GPUs at most"),
        (LLAMA_3_8B, "H100-PCIe", Split(tp=16), "16 H100-PCIe exchange", "a split of 8 GPUs"),
        (DEEPSEEK_V3, "GB200", Split(tp=8, dp=16), "128 GB200 exchange", "of 72 GPUs at most"),
    ],
)
def test_a_split_that_no_engine_makes_is_refused(
    model: WholeModel, gpu: str, split: Split, said: str, hint: str
) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        check_split(model, gpu_sheet(gpu), split)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("model", "gpu", "split"),
    [
        (LLAMA_3_8B, "H100", Split(tp=16 // 2, dp=4)),  # groups of a dense model exchange nothing
        (LLAMA_3_8B, "GB200", Split(tp=16)),  # two GPUs repeat each head of keys
        (DEEPSEEK_V3, "GB200", Split(dp=32, ep=32)),
        (MIXTRAL_8X7B, "H100", Split(tp=8, ep=2)),
        (MIXTRAL_8X7B, "H100-PCIe", Split(tp=8)),
    ],
)
def test_a_split_that_an_engine_makes_passes(model: WholeModel, gpu: str, split: Split) -> None:
    check_split(model, gpu_sheet(gpu), split)


def test_heads_of_keys_are_dealt_out_or_repeated() -> None:
    assert list(tensor_splits(LLAMA_3_8B, 64)) == [1, 2, 4, 8, 16, 32]
    assert list(tensor_splits(replace(LLAMA_3_8B, kv_heads=10, heads=40), 40)) == [
        1,
        2,
        5,
        10,
        20,
        40,
    ]
