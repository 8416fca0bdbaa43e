"""One rank's part of a layer: what is split, what is held several times, what does not divide."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.scenarios.preset import PRESETS, load_preset
from moeprof.scenarios.shapes.parallel import rank_of
from moeprof.store.errors import BadInput


def test_tensor_parallel_splits_inner_widths_and_heads() -> None:
    rank = rank_of(load_preset("qwen3-30b-a3b"), 2, 1)
    assert (rank.hidden, rank.ffn, rank.experts, rank.top_k) == (2048, 384, 128, 8)
    assert (rank.heads, rank.kv_heads, rank.head_dim) == (16, 2, 128)
    assert (rank.local_experts, rank.held_experts) == (None, 128)
    assert rank.source.endswith("; one rank of tensor parallel 2, expert parallel 1")


def test_expert_parallel_keeps_whole_experts_and_routes_over_all() -> None:
    rank = rank_of(load_preset("deepseek-v3"), 1, 64)
    assert (rank.ffn, rank.shared_ffn, rank.experts, rank.top_k) == (2048, 2048, 256, 8)
    assert rank.held_experts == 4


def test_heads_of_keys_are_held_several_times_where_there_are_more_ranks() -> None:
    rank = rank_of(load_preset("mixtral-8x7b"), 16, 1)  # 8 heads of keys
    assert (rank.heads, rank.kv_heads) == (2, 1)


def test_tensor_parallel_splits_the_heads_of_latent_attention_and_not_its_cache() -> None:
    whole, rank = load_preset("deepseek-v3"), rank_of(load_preset("deepseek-v3"), 8, 1)
    assert rank.heads == 16
    for size in ("q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "v_head_dim", "kv_heads"):
        assert getattr(rank, size) == getattr(whole, size)


@pytest.mark.parametrize("name", PRESETS)
def test_one_rank_of_one_is_the_layer(name: str) -> None:
    assert rank_of(load_preset(name), 1, 1) == load_preset(name)


@pytest.mark.parametrize(
    ("tensor", "expert", "said"),
    [
        (3, 1, "--tensor-parallel is 3, and heads 32 of mixtral-8x7b does not divide by it"),
        (1, 3, "--expert-parallel is 3, and experts 8 of mixtral-8x7b does not divide by it"),
        (0, 1, "--tensor-parallel is 0, and must be at least 1"),
        (1, -2, "--expert-parallel is -2, and must be at least 1"),
        (32, 1, "one of 32 ranks of mixtral-8x7b: ffn is 448, no multiple of group_size 128"),
    ],
)
def test_sizes_that_do_not_divide_are_refused(tensor: int, expert: int, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        rank_of(load_preset("mixtral-8x7b"), tensor, expert)


def test_weights_that_are_not_packed_have_no_groups_to_split() -> None:
    whole = replace(load_preset("mixtral-8x7b"), weight_bits=16)
    assert rank_of(whole, 32, 1).ffn == 448
    with pytest.raises(BadInput) as caught:
        rank_of(load_preset("mixtral-8x7b"), 32, 1)
    assert "or one with weight_bits 16" in caught.value.hint


@given(tensor=st.sampled_from((1, 2, 4)), expert=st.sampled_from((1, 2, 4, 8)))
def test_the_ranks_hold_the_layer_together(tensor: int, expert: int) -> None:
    whole = load_preset("mixtral-8x7b")
    rank = rank_of(whole, tensor, expert)
    assert rank.ffn * tensor == whole.ffn
    assert rank.tensor_parallel == tensor
    assert rank.held_experts * expert == whole.experts
