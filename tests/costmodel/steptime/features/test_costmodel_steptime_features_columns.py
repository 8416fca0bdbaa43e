"""Columns of one dense, one MoE and one MLA model, against hand counts at the sheet's rates."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.steptime.features.columns import columns
from moeprof.costmodel.steptime.features.deployment import Deployment, Split
from moeprof.costmodel.steptime.features.steps import Steps
from moeprof.costmodel.steptime.prediction.parts import PARTS
from moeprof.store.serving.whole_model import SparseIndex
from moeprof.tests.costmodel.steptime.features.hand_counts import (
    MISTRAL_7B,
    NEMOTRON_H,
    QWEN2_57B,
    QWEN3_NEXT,
    SCOUT,
)
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    decode_steps,
    mixed_steps,
    served,
)

H100_BYTES_PER_US, H100_FLOP_PER_US, H100_LINK_BYTES_PER_US = 3.35e6, 989.5e6, 450e3


def test_a_dense_model_reads_its_weights_once() -> None:
    """7,504,658,432 parameters without the embedding, of 2 bytes: 4.48 ms."""
    found = columns(served(LLAMA_3_8B), decode_steps([1, 64]))
    weights = 7_504_658_432 * 2 / H100_BYTES_PER_US
    assert found["dense_weights"] == pytest.approx([weights, weights])
    assert found["dense_flops"] == pytest.approx(
        2 * 7_504_658_432 * np.asarray([1, 64]) / H100_FLOP_PER_US
    )
    assert found["kv"] == pytest.approx(131_072 * 1000 * np.asarray([1, 64]) / H100_BYTES_PER_US)
    assert found["expert_weights"].tolist() == [0, 0]


def test_a_moe_model_reads_the_experts_that_are_active() -> None:
    found = columns(served(MIXTRAL_8X7B, split=Split(tp=2)), decode_steps([1, 4096]))
    one = 32 * 3 * 4096 * 14336 * 2 / 2 / H100_BYTES_PER_US
    assert found["expert_weights"] == pytest.approx([2 * one, 8 * one])
    flops = 2 * 32 * 2 * 3 * 4096 * 14336 / 2 / H100_FLOP_PER_US
    assert found["expert_flops"] == pytest.approx([flops, 4096 * flops])


def test_groups_of_data_parallel_ranks_read_their_own_requests() -> None:
    found = columns(served(DEEPSEEK_V3, "B200", "fp8", split=Split(dp=8, ep=8)), decode_steps([64]))
    assert found["kv"] == pytest.approx(70_272 * 1000 * 8 / 8e6)
    assert found["requests"].tolist() == [8]
    assert found["all_to_all_rounds"].tolist() == [2 * 58 * 3]


@given(
    st.sampled_from([(8, 1, 8), (8, 1, 4), (1, 8, 8), (2, 4, 8), (8, 1, 1)]),
    st.lists(st.floats(1, 2048), min_size=2, max_size=8),
)
def test_reading_experts_grows_with_the_batch_up_to_all_that_a_gpu_holds(
    split: tuple[int, int, int], batches: list[float]
) -> None:
    """As its time is one coefficient times this column, that holds for any coefficient."""
    tp, dp, ep = split
    spread = served(DEEPSEEK_V3, "H200", "fp8", split=Split(tp=tp, dp=dp, ep=ep))
    found = columns(spread, decode_steps(sorted(batches)))["expert_weights"]
    assert (np.diff(found) >= -1e-9 * found[:-1]).all()
    held = 58 * 256 * 3 * 7168 * 2048 / 8 / 4.8e6
    assert (found <= held * (1 + 1e-9)).all()
    assert PARTS["experts"] == ("expert_weights",)


def test_all_groups_wait_for_the_one_with_most_requests() -> None:
    """Of eight groups one has 1 of 1 request, 2 of 9, and 1.5 of a mean of 8.5."""
    spread = served(DEEPSEEK_V3, "B200", "fp8", split=Split(dp=8, ep=8))
    found = columns(spread, decode_steps([1, 8, 8.5, 9, 16]))
    most = np.asarray([1, 1, 1.5, 2, 2])
    assert found["requests"] == pytest.approx(most)
    assert found["kv"] == pytest.approx(most * 70_272 * 1000 / 8e6)
    assert found["logits"] == pytest.approx(most * 129_280 * 4 / 8e6)
    pairs = 1000 * 61 * 2 * 128 * (576 + 512)
    assert found["attention_flops"] == pytest.approx(most * pairs / 2250e6)


def test_words_are_drawn_from_scores_of_the_whole_vocabulary() -> None:
    """128,256 words of 4 bytes for each request, on every GPU of a group."""
    split = columns(served(LLAMA_3_8B, split=Split(tp=4)), decode_steps([1, 64]))
    once = 128_256 * 4 / H100_BYTES_PER_US
    assert split["logits"] == pytest.approx([once, 64 * once])


@pytest.mark.parametrize(("precision", "layers"), [("bf16", 0), ("fp8", 58), ("nvfp4", 0)])
def test_experts_in_fp8_bring_a_count_of_layers(precision: str, layers: int) -> None:
    found = columns(served(DEEPSEEK_V3, "B200", precision, split=Split(tp=8)), decode_steps([1]))
    assert found["fp8_moe_layers"].tolist() == [layers]


def test_prefill_has_columns_of_its_own() -> None:
    alone = columns(served(), decode_steps([64]))
    mixed = columns(served(), mixed_steps([64]))
    for name, values in alone.items():
        assert (values == mixed[name]).all() != name.startswith("prefill_") or not values.any()
    assert mixed["prefill_dense_flops"] == pytest.approx(
        2 * 128 * (7_504_658_432 - 128256 * 4096) / H100_FLOP_PER_US
    )
    assert mixed["prefill_layers"] == pytest.approx([64 / 400 * 32])


def steps_of(
    running: float, context: float, prefill: float = 0, prompt: float = 0, share: float = 0
) -> Steps:
    """One step, by its five numbers."""
    return Steps(*(np.asarray([float(one)]) for one in (running, context, prefill, prompt, share)))


def told(served: Deployment, steps: Steps) -> dict[str, float]:
    """The columns of one step."""
    return {name: float(values[0]) for name, values in columns(served, steps).items()}


def test_grouped_heads_split_over_four_gpus_by_hand() -> None:
    """Llama 3 8B in bf16 on 4 H100: 16 requests at 2,000 tokens, and 1,024 of prompts of 512."""
    found = told(served(LLAMA_3_8B, split=Split(tp=4)), steps_of(16, 2000, 1024, 512, 1))
    attention = 4096 * 128 * (32 + 8 + 8 + 32)
    layers = 32 * (attention + 3 * 4096 * 14336)
    head = 128256 * 4096
    weights = 2 * (layers + head) / 4 / H100_BYTES_PER_US
    assert found["dense_weights"] == found["prefill_weights"] == pytest.approx(weights)
    assert found["dense_flops"] == pytest.approx(2 * 16 * (layers + head) / 4 / H100_FLOP_PER_US)
    assert found["prefill_dense_flops"] == pytest.approx(2 * 1024 * layers / 4 / H100_FLOP_PER_US)
    cache = 16 * 2000 * 32 * 2 * 8 * 128 * 2
    assert found["kv"] == pytest.approx(cache / 4 / H100_BYTES_PER_US)
    pair = 32 * 2 * 2 * 32 * 128  # layers, FLOPs, scores and values, heads, width
    assert found["attention_flops"] == pytest.approx(16 * 2000 * pair / 4 / H100_FLOP_PER_US)
    assert found["prefill_attention_flops"] == pytest.approx(
        1024 * 512 / 2 * pair / 4 / H100_FLOP_PER_US
    )
    assert found["all_reduce_rounds"] == 64
    ring = 64 * 2 * 3 / 4 * 4096 * 2
    at_once = 64 * 3 * 4096 * 2
    assert found["all_reduce"] == pytest.approx(16 * at_once / H100_LINK_BYTES_PER_US)
    assert found["prefill_sent"] == pytest.approx(1024 * ring / H100_LINK_BYTES_PER_US)
    assert found["expert_weights"] == found["all_to_all"] == found["linear_layers"] == 0


def test_experts_and_a_shared_one_spread_over_groups_by_hand() -> None:
    """Qwen2-57B-A14B in fp8 on 4 H100, whole experts on each: 64 requests at 1,000 tokens."""
    spread = served(QWEN2_57B, precision="fp8", split=Split(dp=4, ep=4))
    found = told(spread, steps_of(64, 1000, 400, 100, 1))
    attention = 28 * 3584 * 128 * (28 + 4 + 4 + 28)
    dense = 28 * 3584 * (3 * 20480 + 64)  # the shared expert, and the router
    head = 151936 * 3584  # stays in bf16
    assert found["dense_weights"] == pytest.approx((attention + dense + 2 * head) / 3.35e6)
    expert = 3 * 3584 * 2560
    active = 64 * (1 - (1 - 8 / 64) ** 64)
    held = 16  # nearly all of the 64 are active, and so are all of those of the busiest GPU
    assert active / 4 < held
    assert found["expert_weights"] == pytest.approx(28 * held * expert / 3.35e6, rel=1e-3)
    assert found["expert_flops"] == pytest.approx(2 * 64 * 28 * 8 * expert / 4 / 1979e6)
    assert found["dense_flops"] == pytest.approx(
        2 * 64 / 4 * ((attention + dense) / 1979e6 + head / 989.5e6)
    )
    assert found["kv"] == pytest.approx(64 / 4 * 1000 * 28 * 2 * 4 * 128 * 2 / 3.35e6)
    reached = 3 * (1 - comb(48, 8) / comb(64, 8))  # other GPUs with one of eight experts
    sent = 2 * 28 * reached * 3584 * 2  # there and back, layers
    assert found["all_to_all"] == pytest.approx(64 / 4 * sent / H100_LINK_BYTES_PER_US)
    assert found["prefill_sent"] == pytest.approx(400 / 4 * sent / H100_LINK_BYTES_PER_US)
    assert found["prefill_expert_flops"] == pytest.approx(2 * 400 * 28 * 8 * expert / 4 / 1979e6)
    assert found["all_reduce"] == found["all_reduce_rounds"] == 0
    assert (found["moe_layers"], found["requests"]) == (28, 16)


def test_a_latent_cache_is_read_whole_and_expanded_for_prompts_by_hand() -> None:
    """DeepSeek-V3 in fp8 on 8 H200: 32 requests at 4,000 tokens, and 2,048 of prompts of 1,024."""
    found = told(
        served(DEEPSEEK_V3, "H200", "fp8", split=Split(tp=8)), steps_of(32, 4000, 2048, 1024, 1)
    )
    assert found["kv"] == pytest.approx(32 * 4000 * 61 * 576 * 2 / 4.8e6)
    on_cache = 61 * 2 * 128 * (576 + 512)  # scores over 576 values, results of 512
    assert found["attention_flops"] == pytest.approx(32 * 4000 * on_cache / 8 / 989.5e6)
    expanded = 61 * 2 * 128 * (192 + 128)  # scores over 128 + 64 values, results of 128
    assert found["prefill_attention_flops"] == pytest.approx(2048 * 512 * expanded / 8 / 989.5e6)
    active = 256 * (1 - (1 - 8 / 256) ** 32)
    expert = 3 * 7168 * 2048
    assert found["expert_weights"] == pytest.approx(58 * active * expert / 8 / 4.8e6)
    assert (found["latent_layers"], found["moe_layers"]) == (61, 58)
    assert found["all_reduce_rounds"] == 2 * 61


def test_a_window_bounds_reading_and_prompts_by_hand() -> None:
    """Mistral 7B: at 10,000 tokens 4,096 are read; a prompt of 8,192 attends to 3,072 on average.

    Its first 4,096 tokens attend to half of them, the others to 4,096.
    """
    found = told(served(MISTRAL_7B, split=Split(tp=2)), steps_of(8, 10_000, 100, 8192, 1))
    assert found["kv"] == pytest.approx(8 * 4096 * 32 * 2 * 8 * 128 * 2 / 2 / H100_BYTES_PER_US)
    pair = 32 * 4 * 32 * 128
    assert found["attention_flops"] == pytest.approx(8 * 4096 * pair / 2 / H100_FLOP_PER_US)
    assert found["prefill_attention_flops"] == pytest.approx(
        100 * (4096 / 2 + 4096) / 2 * pair / 2 / H100_FLOP_PER_US
    )


def test_chunks_start_anew_by_hand() -> None:
    """Llama 4 Scout: 12 layers see all of 20,000 tokens, 36 the last 3,616, of three chunks."""
    found = told(served(SCOUT, split=Split(tp=8)), steps_of(4, 20_000, 100, 16_384, 1))
    attended = 12 * 20_000 + 36 * (20_000 - 2 * 8192)
    assert found["kv"] == pytest.approx(4 * attended * 2 * 8 * 128 * 2 / 8 / H100_BYTES_PER_US)
    in_prompt = 12 * 8192 + 36 * 4096
    assert found["prefill_attention_flops"] == pytest.approx(
        100 * in_prompt * 4 * 40 * 128 / 8 / H100_FLOP_PER_US
    )


def test_a_gated_delta_net_moves_its_states_by_hand() -> None:
    """Qwen3-Next on 2 H100: 12 layers of attention with a gate, 36 with a state of 1.1 MB."""
    found = told(served(QWEN3_NEXT, split=Split(tp=2)), steps_of(10, 5000, 300, 600, 1))
    attention = 12 * 2048 * 256 * (2 * 16 + 2 + 2 + 16)  # queries with their gate
    states = 36 * 33_718_272
    dense = 48 * 2048 * (3 * 512 + 512)
    head = 151936 * 2048
    weights = 2 * (attention + states + dense + head)
    assert found["dense_weights"] == pytest.approx(weights / 2 / H100_BYTES_PER_US)
    cache, moved = 5000 * 12 * 2 * 2 * 256 * 2, 2 * 36 * 1_097_728
    assert found["kv"] == pytest.approx(10 * (cache + moved) / 2 / H100_BYTES_PER_US)
    pair, updates = 12 * 4 * 16 * 256, 36 * 3_735_552
    assert found["attention_flops"] == pytest.approx(
        10 * (5000 * pair + updates) / 2 / H100_FLOP_PER_US
    )
    assert found["prefill_attention_flops"] == pytest.approx(
        300 * (300 * pair + updates) / 2 / H100_FLOP_PER_US
    )
    assert (found["linear_layers"], found["layers"], found["all_reduce_rounds"]) == (36, 48, 96)


def test_layers_of_one_part_each_are_counted_once_by_hand() -> None:
    """Nemotron-H-56B on 8 H100: 118 layers, of which each ends in one all-reduce."""
    found = told(served(NEMOTRON_H, split=Split(tp=8)), steps_of(32, 3000))
    attention = 10 * 8192 * 128 * (64 + 8 + 8 + 64)
    states, networks, head = 54 * 438_386_688, 54 * 2 * 8192 * 32768, 131072 * 8192
    every = attention + states + networks + head
    assert found["dense_weights"] == pytest.approx(2 * every / 8 / H100_BYTES_PER_US)
    assert found["dense_flops"] == pytest.approx(2 * 32 * every / 8 / H100_FLOP_PER_US)
    cache, moved = 3000 * 10 * 2 * 8 * 128 * 2, 2 * 54 * 8_511_488
    assert found["kv"] == pytest.approx(32 * (cache + moved) / 8 / H100_BYTES_PER_US)
    assert (found["layers"], found["all_reduce_rounds"]) == (118, 118)


def test_an_indexer_scores_the_whole_context_by_hand() -> None:
    """DeepSeek-V3.2: 64 heads of 128 score 50,000 tokens in 61 layers, and 2,048 are attended."""
    model = replace(DEEPSEEK_V3, sparse_tokens=2048, index=SparseIndex(64, 128, 61))
    found = told(served(model, "H200", "fp8", split=Split(tp=8)), steps_of(1, 50_000))
    assert found["kv"] == pytest.approx(61 * (2048 * 576 * 2 + 50_000 * 132) / 4.8e6)
    flops = 61 * (2048 * 2 * 128 * (576 + 512) + 50_000 * 2 * 64 * 128)
    assert found["attention_flops"] == pytest.approx(flops / 8 / 989.5e6)
    weights = 61 * (1536 * 64 * 128 + 7168 * (128 + 64))
    plain = told(served(DEEPSEEK_V3, "H200", "fp8", split=Split(tp=8)), steps_of(1, 50_000))
    assert found["dense_weights"] - plain["dense_weights"] == pytest.approx(weights / 8 / 4.8e6)
