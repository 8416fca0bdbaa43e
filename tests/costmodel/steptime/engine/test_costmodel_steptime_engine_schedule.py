"""What runs and what a mean step computes, counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.steptime.engine.memory import memory_of
from moeprof.costmodel.steptime.engine.schedule import Requests, Schedule, schedule
from moeprof.costmodel.steptime.engine.settings import EngineSettings
from moeprof.costmodel.steptime.features.attention import attention_flops
from moeprof.costmodel.steptime.features.columns import columns
from moeprof.costmodel.steptime.features.deployment import Split
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.features.hand_counts import MISTRAL_7B, QWEN2_57B
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B, MIXTRAL_8X7B, served


def planned(
    settings: EngineSettings, batch: list[float], prompt: int, output: int | None
) -> Schedule:
    """Steps of Llama 3 8B on an H100."""
    requests = Requests(np.asarray(batch), prompt, output)
    return schedule(served(), memory_of(served(), settings), settings, requests)


def test_without_settings_each_request_brings_its_prompt_once_in_its_output() -> None:
    found = planned(EngineSettings(), [1.0, 40.0], 800, 400)
    assert found.bounds == ("", "")
    assert found.steps.running.tolist() == [1, 40]
    assert found.steps.context_tokens.tolist() == [1000, 1000]
    assert found.steps.prefill_tokens.tolist() == [2, 80]
    assert found.steps.prefill_share.tolist() == [1 / 400, 0.1]


def test_requests_without_an_output_decode_alone() -> None:
    found = planned(EngineSettings(), [8.0], 1000, None)
    assert found.steps.prefill_tokens.tolist() == [0]
    assert found.steps.context_tokens.tolist() == [1000]


def test_chunks_spread_a_prompt_over_steps() -> None:
    """300 tokens a step less 40 that decode: a prompt of 800 takes 3.08 steps, of 10 a request."""
    found = planned(EngineSettings(max_num_batched_tokens=300), [40.0], 800, 400)
    assert found.steps.prefill_tokens.tolist() == [80]
    assert found.steps.prefill_share == pytest.approx([40 / 400 * 800 / 260])


def test_a_step_holds_no_more_than_its_bound_of_tokens() -> None:
    """A request computes 1200 tokens in 400 steps: 100 tokens a step feed 33.3 of them."""
    found = planned(EngineSettings(max_num_batched_tokens=100), [40.0], 800, 400)
    assert found.bounds == ("max-num-batched-tokens",)
    assert found.steps.running == pytest.approx([100 / 3])
    assert found.steps.running + found.steps.prefill_tokens == pytest.approx([100])
    assert found.steps.prefill_share == pytest.approx([1.0])


def test_seats_bound_what_runs_in_each_group() -> None:
    found = planned(EngineSettings(max_num_seqs=16), [8.0, 64.0], 800, 400)
    assert found.steps.running.tolist() == [8, 16]
    assert found.bounds == ("", "max-num-seqs")
    two = served(MIXTRAL_8X7B, "H200", split=Split(ep=2, dp=2))
    settings = EngineSettings(max_num_seqs=16)
    requests = Requests(np.asarray([64.0]), 800, 400)
    assert schedule(two, memory_of(two, settings), settings, requests).steps.running == [32]


def test_the_cache_bounds_what_decodes() -> None:
    """1000 tokens take 63 blocks: 630 hold ten of them."""
    found = planned(EngineSettings(num_gpu_blocks=630), [4.0, 64.0], 1000, None)
    assert found.fitting == 10
    assert found.steps.running.tolist() == [4, 10]
    assert found.bounds == ("", "cache")


def test_a_cache_that_is_too_small_computes_tokens_again() -> None:
    roomy = planned(EngineSettings(num_gpu_blocks=20_000), [64.0], 100, 900)
    tight = planned(EngineSettings(num_gpu_blocks=1000), [64.0], 100, 900)
    assert (roomy.preemptions[0], roomy.recomputed_tokens[0]) == (0, 0)
    assert tight.preemptions[0] > 0.5
    assert tight.recomputed_tokens[0] > 100 * tight.preemptions[0]
    per_request = tight.steps.prefill_tokens / tight.steps.running * 900
    assert per_request == pytest.approx(100 + tight.recomputed_tokens)


def test_a_hit_is_attended_to_and_not_computed() -> None:
    """Of 800 tokens 600 are there: 200 are computed, and attend to 700 each in the mean."""
    found = planned(EngineSettings(prefix_hit=0.75), [40.0], 800, 400)
    assert found.steps.prefill_tokens == pytest.approx([20])
    flops_us = columns(served(), found.steps)["prefill_attention_flops"]
    flops = attention_flops(LLAMA_3_8B, np.asarray([20.0]), np.asarray([700.0]))
    assert flops_us == pytest.approx(flops / 989.5e6)


def test_a_window_bounds_what_is_computed_behind_a_hit() -> None:
    """Mistral 7B, a prompt of 8,000: behind a hit of 0.9 each query attends to its whole window.

    Behind one of 0.25 the queries from 2,000 to 4,096 attend to all before them, 3,048 each.
    """
    one, prompt = served(MISTRAL_7B), Requests(np.asarray([40.0]), 8000, 400)
    for hit, attended in ((0.9, 4096.0), (0.25, (2096 * 3048 + 3904 * 4096) / 6000)):
        settings = EngineSettings(prefix_hit=hit)
        steps = schedule(one, memory_of(one, settings), settings, prompt).steps
        flops = 40 / 400 * 8000 * (1 - hit) * attended * 32 * 4 * 32 * 128
        assert columns(one, steps)["prefill_attention_flops"] == pytest.approx(flops / 989.5e6)


def test_tokens_that_are_computed_reach_experts_and_cached_ones_do_not() -> None:
    """Qwen2-57B-A14B: of prompts of 1,000 tokens, 10 are computed, which reach 47.2 of 64 experts.

    In chunks of 4 tokens beside one that decodes, they reach 26.5 in each. A step of few tokens
    takes the tokens over 128 of what it reads.
    """
    one, prompt = served(QWEN2_57B, "H200"), Requests(np.ones(1), 1000, 400)
    for budget, tokens in ((None, 10), (5, 4)):
        settings = EngineSettings(prefix_hit=0.99, max_num_batched_tokens=budget)
        steps = schedule(one, memory_of(one, settings), settings, prompt).steps
        found = columns(one, steps)
        experts = 64 * (1 - (1 - 8 / 64) ** tokens)
        read = found["dense_weights"] + experts * 28 * 3 * 3584 * 2560 * 2 / 4.8e6
        assert steps.prefill_share == pytest.approx(10 / 400 / tokens)
        assert found["prefill_weights"] == pytest.approx(10 / 400 / 128 * read)


def test_the_last_token_of_a_prompt_is_always_computed() -> None:
    found = planned(EngineSettings(prefix_hit=1.0), [40.0], 800, 400)
    assert found.steps.prefill_tokens == pytest.approx([0.1])


@pytest.mark.parametrize(
    ("batch", "prompt", "output"),
    [(0.0, 10, 10), (np.nan, 10, 10), (1.0, 0, 10), (1.0, 10, 0), (1e10, 10, 10), (1.0, -5, None)],
)
def test_sizes_below_1_and_no_numbers_are_refused(
    batch: float, prompt: int, output: int | None
) -> None:
    with pytest.raises(BadInput, match="must be 1 to"):
        Requests(np.asarray([batch]), prompt, output)


@pytest.mark.parametrize(
    ("prompt", "output", "bound", "told"),
    [
        (8000, 193, None, "a request of 8193 tokens is beyond the 8192"),
        (9000, None, None, "a request of 9000 tokens is beyond the 8192"),
        (10, 10, 10_000, "max-model-len 10000 is beyond the 8192"),
        (1000, 1000, 1999, "beyond max-model-len 1999"),
    ],
)
def test_a_request_beyond_the_context_is_refused(
    prompt: int, output: int | None, bound: int | None, told: str
) -> None:
    one = served(replace(LLAMA_3_8B, max_context_tokens=8192))
    settings = EngineSettings(max_model_len=bound)
    with pytest.raises(BadInput, match=told):
        schedule(one, memory_of(one, settings), settings, Requests(np.ones(1), prompt, output))


def test_a_request_that_the_cache_cannot_hold_is_refused() -> None:
    with pytest.raises(BadInput, match="a request of 1700 tokens takes more than the cache of 100"):
        planned(EngineSettings(num_gpu_blocks=100), [1.0], 1600, 100)


@given(
    batch=st.integers(1, 4096),
    prompt=st.integers(1, 4000),
    output=st.integers(1, 4000),
    seats=st.none() | st.integers(1, 1024),
    budget=st.none() | st.integers(1, 16_384),
    hit=st.floats(0, 1),
)
def test_no_bound_is_ever_exceeded(
    batch: int, prompt: int, output: int, seats: int | None, budget: int | None, hit: float
) -> None:
    settings = EngineSettings(
        max_num_seqs=seats, max_num_batched_tokens=budget, prefix_hit=hit, num_gpu_blocks=26_000
    )
    steps = planned(settings, [float(batch)], prompt, output).steps
    assert 0 < steps.running[0] <= min(batch, seats or batch) + 1e-9
    assert steps.running[0] + steps.prefill_tokens[0] <= (budget or np.inf) * (1 + 1e-9)
    assert 0 < steps.prefill_share[0] <= 1
    for values in columns(served(), steps).values():
        assert np.isfinite(values).all()
