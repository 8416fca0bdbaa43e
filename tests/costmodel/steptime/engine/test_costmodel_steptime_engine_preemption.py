"""Requests lose their cache only where it is too small, and then compute it again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.steptime.engine.memory import Memory, memory_of
from moeprof.costmodel.steptime.engine.preemption import Preempted, preempted
from moeprof.costmodel.steptime.engine.settings import EngineSettings
from moeprof.tests.costmodel.steptime.whole_models import served


def memory(blocks: int) -> Memory:
    """A cache of so many blocks of 16 tokens."""
    return memory_of(served(), EngineSettings(num_gpu_blocks=blocks))


def test_nothing_is_lost_where_every_request_fits_whole() -> None:
    """10 requests of 160 tokens take 100 blocks."""
    assert preempted(memory(100), 10.0, 80.0, 80.0) == Preempted(10.0)


def test_one_more_request_than_fits_at_the_end_may_still_run() -> None:
    """Their mean is 120 tokens: 12 need 96 blocks when their ages are spread."""
    found = preempted(memory(100), 12.0, 80.0, 80.0)
    assert found.running > 10
    assert found.times < 0.5


def test_a_full_cache_runs_what_fits_at_the_mean_length() -> None:
    found = preempted(memory(1000), 500.0, 160.0, 160.0)
    assert found.running == pytest.approx(1000 / 15.5, rel=0.05)  # 240 tokens, blocks rounded up


def test_long_outputs_after_short_prompts_are_put_off_most() -> None:
    """Whoever is admitted on 16 tokens takes 1600 in the end."""
    short = preempted(memory(1000), 500.0, 16.0, 1600.0)
    long = preempted(memory(1000), 500.0, 1600.0, 16.0)
    assert short.times > 1
    assert long.times < 0.1
    assert short.tokens > short.times * 16


@given(
    blocks=st.integers(150, 2000),
    requests=st.integers(1, 400),
    prompt=st.integers(1, 1200),
    output=st.integers(1, 1200),
)
def test_what_runs_has_room_and_what_is_lost_had_been_computed(
    blocks: int, requests: int, prompt: int, output: int
) -> None:
    found = preempted(memory(blocks), float(requests), float(prompt), float(output))
    assert 0 < found.running <= requests
    assert found.running * (prompt / 16) <= blocks
    assert found.times * prompt <= found.tokens + 1e-6
    assert found.tokens <= found.times * (prompt + output) + 1e-6


def test_two_requests_in_a_cache_of_one_take_turns() -> None:
    """A request of 16 + 32 tokens fills three blocks in the end.

    The next one is admitted on its prompt as one ends, has to leave with its first token, and waits
    until the other has ended: each is put off once, with its prompt and what a tick generates.
    """
    found = preempted(memory(3), 2.0, 16.0, 32.0)
    assert found.times == pytest.approx(1)
    assert found.tokens == pytest.approx(16 + 32 / 250)
    assert found.running == pytest.approx(1, abs=0.01)
