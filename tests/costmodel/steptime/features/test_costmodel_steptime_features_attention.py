"""Bytes of the cache and FLOPs of attention, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.steptime.features.attention import (
    attended_in_prompt,
    attended_tokens,
    attention_flops,
    kept_bytes,
    kv_bytes,
    kv_values_per_token,
    prompt_attention_flops,
    state_bytes_per_request,
)
from moeprof.store.serving.whole_model import StateLayers
from moeprof.tests.costmodel.steptime.whole_models import DEEPSEEK_V3, GEMMA_2_9B, LLAMA_3_8B

ONE, THOUSAND = np.asarray([1.0]), np.asarray([1000.0])


def test_grouped_heads_leave_their_keys_and_values() -> None:
    """Llama 3 8B: 2 x 8 heads x 128 in 32 layers, 131,072 bytes per token."""
    assert kv_values_per_token(LLAMA_3_8B) == 2048
    assert kv_bytes(LLAMA_3_8B, ONE, ONE, value_bytes=2, tp=1) == pytest.approx(131_072)


def test_a_latent_cache_is_small_and_read_by_every_gpu() -> None:
    """DeepSeek-V3: 512 + 64 in 61 layers, 70,272 bytes per token."""
    for tp in (1, 8):
        assert kv_bytes(DEEPSEEK_V3, ONE, ONE, value_bytes=2, tp=tp) == pytest.approx(70_272)


@pytest.mark.parametrize(("tp", "share"), [(2, 1 / 2), (8, 1 / 8), (16, 1 / 8)])
def test_heads_are_split_and_then_repeated(tp: int, share: float) -> None:
    whole = kv_bytes(LLAMA_3_8B, ONE, THOUSAND, value_bytes=2, tp=1)
    assert kv_bytes(LLAMA_3_8B, ONE, THOUSAND, value_bytes=2, tp=tp) == pytest.approx(whole * share)


def test_a_window_bounds_what_half_of_the_layers_read() -> None:
    context = np.asarray([1000.0, 10_000.0])
    expected = [42 * 1000, 21 * 10_000 + 21 * 4096]
    assert attended_tokens(GEMMA_2_9B, context) == pytest.approx(expected)


def test_linear_attention_reads_no_past_token() -> None:
    model = replace(LLAMA_3_8B, full_layers=8, states=StateLayers("linear attention", 24, 1))
    assert attended_tokens(model, THOUSAND) == pytest.approx([8000])


def test_sparse_attention_reads_its_choice_and_an_index_of_all() -> None:
    model = replace(DEEPSEEK_V3, sparse_tokens=2048)
    long = np.asarray([100_000.0])
    expected = 61 * (2048 * 576 * 2 + 100_000 * 132)
    assert kv_bytes(model, ONE, long, value_bytes=2, tp=1) == pytest.approx(expected)


def test_flops_of_a_query_are_two_for_each_score_and_value() -> None:
    expected = 32 * 1000 * 4 * 32 * 128
    assert attention_flops(LLAMA_3_8B, ONE, THOUSAND) == pytest.approx(expected)


def test_latent_attention_works_on_the_cache_as_it_is() -> None:
    expected = 61 * 1000 * 2 * 128 * (512 + 64 + 512)
    assert attention_flops(DEEPSEEK_V3, ONE, THOUSAND) == pytest.approx(expected)


def test_of_chunks_the_last_is_attended_to() -> None:
    """A context of 5,000 tokens has 9 chunks of 512 behind it, and 392 tokens in its last."""
    model = replace(LLAMA_3_8B, full_layers=8, window_tokens=512, chunked=True)
    contexts = np.asarray([0.0, 100.0, 512.0, 513.0, 5000.0, 5120.0])
    last = np.asarray([0, 100, 512, 1, 392, 512])
    expected = 8 * contexts + 24 * last
    assert attended_tokens(model, contexts) == pytest.approx(expected)


@given(
    prompt=st.integers(1, 4000),
    window=st.integers(1, 4000),
    cached=st.floats(0, 1, exclude_max=True),
)
def test_behind_cached_tokens_the_mean_is_over_the_others(
    prompt: int, window: int, cached: float
) -> None:
    model = replace(LLAMA_3_8B, full_layers=8, window_tokens=window)
    first = int(cached * prompt)
    positions = np.arange(first, prompt)
    expected = 8 * positions.mean() + 24 * np.minimum(positions, window).mean()
    found = attended_in_prompt(model, np.asarray([float(prompt)]), np.asarray([float(first)]))[0]
    assert expected - 1e-6 <= found <= expected + 32 / 2 + 1e-6


@given(
    prompt=st.integers(1, 4000),
    window=st.integers(1, 4000),
    chunked=st.booleans(),
)
def test_what_a_prompt_attends_to_is_the_mean_over_its_tokens(
    prompt: int, window: int, chunked: bool
) -> None:
    """Up to half a token of each layer: the count is of a continuous prompt."""
    model = replace(LLAMA_3_8B, full_layers=8, window_tokens=window, chunked=chunked)
    positions = np.arange(prompt)
    seen = positions % window if chunked else np.minimum(positions, window)
    expected = 8 * positions.mean() + 24 * seen.mean()
    found = attended_in_prompt(model, np.asarray([float(prompt)]))[0]
    assert expected <= found <= expected + 32 / 2 + 1e-6


def test_a_state_is_read_and_written_and_kept_once() -> None:
    model = replace(LLAMA_3_8B, full_layers=8, states=StateLayers("mamba 2", 24, 1, 1, 1000))
    moved = kv_bytes(model, ONE, THOUSAND, value_bytes=2, tp=2)
    kept = kept_bytes(model, THOUSAND, value_bytes=2, tp=2)
    cache = 8 * 1000 * 2048 * 2
    assert moved == pytest.approx((cache + 2 * 24 * 1000) / 2)
    assert kept == pytest.approx((cache + 24 * 1000) / 2)


def test_a_state_of_unknown_size_is_not_counted() -> None:
    model = replace(LLAMA_3_8B, full_layers=8, states=StateLayers("linear attention", 24, 1))
    assert state_bytes_per_request(model) == 0


def test_a_window_keeps_what_it_reads_and_sparse_attention_all_it_may_choose() -> None:
    long = np.asarray([10_000.0])
    window = (21 * 10_000 + 21 * 4096) * 2 * 8 * 256 * 2
    assert kept_bytes(GEMMA_2_9B, long, value_bytes=2, tp=1) == pytest.approx(window)
    sparse = replace(DEEPSEEK_V3, sparse_tokens=2048)
    whole = 61 * 10_000 * (576 * 2 + 132)
    assert kept_bytes(sparse, long, value_bytes=2, tp=8) == pytest.approx(whole)


def test_a_latent_cache_is_expanded_for_prompts() -> None:
    expected = 61 * 500 * 2 * 128 * (192 + 128)
    assert prompt_attention_flops(DEEPSEEK_V3, ONE, THOUSAND) == pytest.approx(expected)
    sparse = replace(DEEPSEEK_V3, sparse_tokens=2048)
    on_cache = 61 * 500 * 2 * 128 * (576 + 512)
    assert prompt_attention_flops(sparse, ONE, THOUSAND) == pytest.approx(on_cache)
