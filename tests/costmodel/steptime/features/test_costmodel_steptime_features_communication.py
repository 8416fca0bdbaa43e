"""What GPUs send each other, counted by hand."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.communication import (
    all_reduce_bytes,
    all_reduce_rounds,
    all_to_all_bytes,
    all_to_all_rounds,
    one_shot_bytes,
)
from moeprof.costmodel.steptime.features.deployment import Split
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
    assert all_to_all_bytes(spread, TOKENS) == pytest.approx(2 * 58 * 4 * 7168 * 2 * TOKENS / 4)
