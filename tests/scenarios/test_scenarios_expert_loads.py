"""The experts of each token: different ones, as many active as chance gives, those of a rank."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.scenarios.expert_loads import active_loads, choices, expert_loads

routings = st.sampled_from(["uniform", "zipf:0.5", "zipf:1.2", "zipf:4", "zipf:10"])


@settings(max_examples=40)
@given(
    words=routings, experts=st.integers(1, 300), top_k=st.integers(1, 9), tokens=st.integers(1, 99)
)
def test_each_token_goes_to_different_experts_that_there_are(
    words: str, experts: int, top_k: int, tokens: int
) -> None:
    top_k = min(top_k, experts)
    picks = choices(words, tokens, experts, top_k)
    assert picks.shape == (tokens, top_k)
    assert picks.min() >= 0
    assert picks.max() < experts
    assert (np.diff(np.sort(picks, axis=1), axis=1) > 0).all()
    loads = expert_loads(words, tokens, experts, top_k)
    assert loads.tolist() == np.bincount(picks.ravel(), minlength=experts).tolist()
    assert (expert_loads(words, tokens + 1, experts, top_k) >= loads).all()


def test_as_many_experts_are_active_as_chance_makes_them() -> None:
    for tokens in (1, 4, 16, 64):
        expected = 128 * (1 - (1 - 8 / 128) ** tokens)
        active = np.count_nonzero(expert_loads("uniform", tokens, 128, 8))
        assert active == pytest.approx(expected, rel=0.1)


def test_a_recorded_batch_gives_its_counts_and_several_of_it_their_multiple() -> None:
    words = "counts:6:6,3,2,1,0"
    assert expert_loads(words, 6, 5, 2).tolist() == [6, 3, 2, 1, 0]
    assert expert_loads(words, 60, 5, 2).tolist() == [60, 30, 20, 10, 0]
    assert (expert_loads(words, 3, 5, 2) <= [6, 3, 2, 1, 0]).all()


@given(words=routings, ranks=st.sampled_from([1, 2, 4, 8]), tokens=st.integers(1, 99))
def test_the_rows_of_all_ranks_are_those_of_all_tokens(words: str, ranks: int, tokens: int) -> None:
    loads = expert_loads(words, tokens * ranks, 16, 2)
    of_ranks = [loads[rank::ranks] for rank in range(ranks)]
    assert sum(int(one.sum()) for one in of_ranks) == tokens * ranks * 2
    first = active_loads(words, tokens, 16, 2, 16 // ranks)
    assert list(first) == ([load for load in of_ranks[0].tolist() if load] or [1])
