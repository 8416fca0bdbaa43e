"""What GPUs send each other, counted by hand."""

from math import comb

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.communication import (
    all_reduce_bytes,
    all_reduce_rounds,
    all_to_all_bytes,
    all_to_all_rounds,
    one_shot_bytes,
    reached_share,
)
from moeprof.costmodel.steptime.features.deployment import Split
from moeprof.store.serving.whole_model import Experts
from moeprof.tests.costmodel.steptime.whole_models import DEEPSEEK_V3, LLAMA_3_8B, served

TOKENS = np.asarray([1.0, 64.0])


def test_one_gpu_sends_nothing() -> None:
    alone = served(LLAMA_3_8B)
    assert all_reduce_rounds(alone) == all_to_all_rounds(alone) == 0
    assert all_reduce_bytes(alone, TOKENS).tolist() == [0, 0]
    assert all_to_all_bytes(alone, TOKENS).tolist() == [0, 0]


def test_a_ring_sends_each_activation_nearly_twice() -> None:
    split = served(LLAMA_3_8B, split=Split(tp=4))
    assert all_reduce_rounds(split) == 2 * 32
    assert all_reduce_bytes(split, TOKENS) == pytest.approx(2 * 32 * 2 * 3 / 4 * 4096 * 2 * TOKENS)


def test_at_once_each_gpu_reads_what_all_others_have() -> None:
    split = served(LLAMA_3_8B, split=Split(tp=4))
    assert one_shot_bytes(split, TOKENS) == pytest.approx(2 * 32 * 3 * 4096 * 2 * TOKENS)
    assert one_shot_bytes(served(LLAMA_3_8B), TOKENS).tolist() == [0, 0]


def test_tokens_go_to_their_experts_and_back() -> None:
    spread = served(DEEPSEEK_V3, split=Split(dp=4, ep=4))
    assert all_to_all_rounds(spread) == 2 * 58 * 2
    elsewhere = 1 - comb(192, 8) / comb(256, 8)  # one of 8 of 256 experts on a GPU with 64
    sent = 2 * 58 * 3 * elsewhere * 7168 * 2 * TOKENS / 4
    assert all_to_all_bytes(spread, TOKENS) == pytest.approx(sent)


def test_slices_of_experts_need_every_token_on_every_gpu() -> None:
    sliced = served(DEEPSEEK_V3, "H200", "fp8", split=Split(dp=8))
    assert all_to_all_bytes(sliced, TOKENS) == pytest.approx(2 * 58 * 7 * 7168 * 2 * TOKENS / 8)


def test_gpus_of_a_group_share_the_sending() -> None:
    """Groups of two: each GPU sends half of the tokens to six others, one of 8 parts each."""
    split = served(DEEPSEEK_V3, "H200", "fp8", split=Split(tp=2, dp=4, ep=8))
    sent = 2 * 58 * 6 / 2 * reached_share(Experts(256, 8, 2048, layers=58), 8) * 7168 * 2
    assert all_to_all_bytes(split, TOKENS) == pytest.approx(sent * TOKENS / 4)


def test_a_token_with_one_expert_reaches_one_part() -> None:
    assert reached_share(Experts(16, 1, 8192, layers=48), 8) == pytest.approx(1 / 8)
    assert reached_share(Experts(16, 15, 8192, layers=48), 8) == 1
