"""Weights and cache of a GPU, counted by hand and held against what an engine told."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.engine.memory import cached_bytes, memory_of, weight_bytes
from moeprof.costmodel.steptime.engine.settings import EngineSettings
from moeprof.costmodel.steptime.features.deployment import Split, deployment
from moeprof.costmodel.steptime.features.parameters import total_parameters
from moeprof.store.errors import BadInput
from moeprof.store.serving.whole_model import StateLayers, WholeModel
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    GEMMA_2_9B,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    served,
)

GIB = 2**30
LLAMA_3_70B = WholeModel("llama-3-70b", 80, 8192, 64, 8, 128, 28672, 128256, full_layers=80)


def test_weights_have_the_published_parameters() -> None:
    """8.03e9 of Llama 3 8B at 2 bytes; a tied head is kept once."""
    assert weight_bytes(served()) == pytest.approx(2 * 8.03e9, rel=0.001)
    assert weight_bytes(served(GEMMA_2_9B)) == pytest.approx(2 * 9.24e9, rel=0.001)


def test_all_experts_are_kept_and_split_over_all_gpus() -> None:
    """DeepSeek-V3 in fp8: 671e9 bytes and 2 more for each of 1.85e9 of embedding and head, by 8."""
    on_8 = served(DEEPSEEK_V3, "H200", "fp8", split=Split(tp=8))
    assert weight_bytes(on_8) == pytest.approx((671e9 + 1.85e9) / 8, rel=0.002)
    by_experts = served(DEEPSEEK_V3, "H200", "fp8", split=Split(tp=1, ep=8, dp=8))
    routed = 58 * 256 * 3 * 7168 * 2048
    attention_and_rest = 671e9 + 1.85e9 - routed
    assert weight_bytes(by_experts) == pytest.approx(attention_and_rest + routed / 8, rel=0.01)


def test_the_cache_of_an_h100_is_what_vllm_tells() -> None:
    """vLLM's log for Llama 3 8B on an H100: weights 14.99 GiB, 54.93 GiB left for the cache."""
    memory = memory_of(served(), EngineSettings())
    assert memory.weight_bytes / GIB == pytest.approx(14.99, rel=0.005)
    assert memory.blocks * memory.block_bytes / GIB == pytest.approx(54.93, rel=0.01)
    assert memory.block_bytes == 16 * 131_072


def test_requests_fit_by_whole_blocks() -> None:
    memory = memory_of(served(), EngineSettings(num_gpu_blocks=100))
    assert [memory.requests(tokens) for tokens in (16.0, 17.0, 160.0, 1600.0, 1601.0)] == [
        100, 50, 10, 1, 0,
    ]  # fmt: skip


def test_each_group_has_a_cache_of_its_own() -> None:
    two = served(MIXTRAL_8X7B, "H200", split=Split(tp=1, ep=2, dp=2))
    assert memory_of(two, EngineSettings(num_gpu_blocks=100)).requests(160.0) == 20


def test_a_window_keeps_no_more_than_itself() -> None:
    short, long = cached_bytes(served(GEMMA_2_9B), np.asarray([4096.0, 8192.0]))
    assert long / short == pytest.approx(1.5)


def test_sparse_attention_keeps_what_it_does_not_read() -> None:
    sparse = replace(DEEPSEEK_V3, sparse_tokens=2048)
    of_both = [
        cached_bytes(served(one, "B200", "fp8", split=Split(tp=8)), np.asarray([1e5]))[0]
        for one in (DEEPSEEK_V3, sparse)
    ]
    assert of_both[1] == of_both[0] + 61 * 1e5 * 132  # the index beside it


def test_a_state_is_kept_once_and_takes_blocks_of_its_own() -> None:
    """24 layers of 1 MiB beside 8 of attention: 25,165,824 bytes, 49 blocks of 524,288 for 16."""
    hybrid = replace(LLAMA_3_8B, full_layers=8, states=StateLayers("linear", 24, 0, 0, 2**20))
    assert cached_bytes(served(hybrid), np.asarray([0.0, 16.0])).tolist() == [
        24 * 2**20, 24 * 2**20 + 16 * 32_768,
    ]  # fmt: skip
    memory = memory_of(served(hybrid), EngineSettings(num_gpu_blocks=490))
    assert memory.block_bytes == 524_288
    assert memory.requests(16.0) == 10


def test_without_attention_the_states_of_a_request_are_a_block() -> None:
    states = replace(LLAMA_3_8B, full_layers=0, states=StateLayers("space", 32, 0, 0, 2**20))
    memory = memory_of(served(states), EngineSettings(num_gpu_blocks=7))
    assert memory.block_bytes == 32 * 2**20
    assert memory.requests(1e6) == 7


def test_chunks_of_attention_keep_a_whole_one() -> None:
    chunked = replace(LLAMA_3_8B, full_layers=8, window_tokens=8192, chunked=True)
    short, long = cached_bytes(served(chunked), np.asarray([8192.0, 16_384.0]))
    assert long / short == pytest.approx((8 * 2 + 24) / 32)


@pytest.mark.parametrize("model", [LLAMA_3_8B, MIXTRAL_8X7B, DEEPSEEK_V3, GEMMA_2_9B])
def test_weights_are_all_parameters(model: WholeModel) -> None:
    assert weight_bytes(served(model, "B200")) == pytest.approx(2 * total_parameters(model))


def test_a_model_that_is_too_large_is_refused_with_the_tp_that_would_do() -> None:
    """141.1 GB of weights; 0.9 x 85.9 - 2.1 GB hold them on two GPUs, with no more than a block."""
    with pytest.raises(BadInput, match=r"141\.1 GB a GPU.* 75\.2 of its 85\.9") as caught:
        memory_of(served(LLAMA_3_70B), EngineSettings())
    assert "65.9 GB are missing" in caught.value.message
    assert caught.value.hint == "--tp 2 would do"
    assert memory_of(served(LLAMA_3_70B, split=Split(tp=2)), EngineSettings()).blocks > 0


def test_a_model_that_no_tp_makes_fit_is_told_so() -> None:
    large = replace(LLAMA_3_70B, name="wide", intermediate_size=300_000, heads=8)
    for model, gpu in ((LLAMA_3_70B, "T4"), (large, "L4")):
        with pytest.raises(BadInput) as caught:
            memory_of(served(model, gpu), EngineSettings())
        assert "no --tp up to 8 would do" in caught.value.hint


def test_a_cache_in_fp8_holds_twice_as_many_tokens() -> None:
    wide, narrow = (
        memory_of(deployment(LLAMA_3_8B, "H100", "bf16", "vllm", Split(), kv_cache_dtype=name),
                  EngineSettings())
        for name in ("auto", "fp8")
    )  # fmt: skip
    assert narrow.block_bytes == wide.block_bytes / 2
    assert narrow.blocks == pytest.approx(2 * wide.blocks, abs=1)


def test_weights_in_the_memory_of_the_cpu_leave_room() -> None:
    settings = EngineSettings(cpu_offload_bytes=70e9)
    memory = memory_of(served(LLAMA_3_70B), settings)
    assert memory.weight_bytes == pytest.approx(141.1e9 - 70e9, rel=0.001)
    with pytest.raises(BadInput, match="the weights on a GPU have"):
        memory_of(served(), settings)


def test_more_blocks_than_a_gpu_has_are_refused() -> None:
    with pytest.raises(BadInput, match="weights and cache take") as caught:
        memory_of(served(), EngineSettings(num_gpu_blocks=100_000))
    assert "--num-gpu-blocks" in caught.value.hint
