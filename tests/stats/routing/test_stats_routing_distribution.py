"""Routing distributions: the share of each expert, slugs that tell them apart, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest

from moeprof.stats.routing.distribution import distribution, distribution_words, recorded_counts
from moeprof.store.errors import BadInput


@pytest.mark.parametrize(("experts", "top_k"), [(16, 2), (128, 8), (7, 3)])
def test_uniform_gives_each_expert_the_same_share(experts: int, top_k: int) -> None:
    counts = distribution("uniform", experts, top_k).counts
    assert sum(counts) == 4096 * top_k
    assert max(counts) - min(counts) <= 1


def test_zipf_gives_shares_in_proportion_to_the_rank() -> None:
    counts = np.array(distribution("zipf:1", 64, 1).counts)
    np.testing.assert_allclose(counts, counts[0] / np.arange(1, 65), atol=1)


def test_no_expert_gets_a_token_twice_however_large_the_skew() -> None:
    counts = distribution("zipf:3", 8, 2).counts
    assert counts[0] == 4096  # its share of 2 tokens' places would be 1.7
    assert sum(counts) == 2 * 4096
    assert distribution("zipf:10", 4, 4).counts == (4096,) * 4


def test_a_recorded_batch_of_many_tokens_keeps_its_shares() -> None:
    million = distribution("counts:1000000:1000000,600000,400000", 3, 2)
    assert (million.tokens, million.counts) == (65536, (65536, 39322, 26214))


def test_the_slug_tells_distributions_apart() -> None:
    words = ["uniform", "zipf:1", "zipf:1.2", "counts:2:2,1,1", "counts:2:1,2,1"]
    slugs = [distribution(one, 3, 2).slug for one in words]
    assert slugs[:3] == ["uniform", "zipf1", "zipf1.2"]
    assert len(set(slugs)) == 5
    assert distribution("zipf:1.20", 3, 2).slug == "zipf1.2"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("normal", "the routing is 'normal'"),
        ("zipf:", "the skew of zipf is ''"),
        ("zipf:-1", r"the skew of zipf is '-1', and must lie in 0\.\.10"),
        ("zipf:nan", "the skew of zipf is 'nan'"),
        ("counts:x:1,2", "the routing is 'counts:x:1,2'"),
        ("counts:2:2,2", "2 experts have counts, and there are 3"),
        ("counts:2:2,2,1", "sum to 5, and 2 tokens to 2 experts each make 4"),
        ("counts:2:3,1,0", "an expert has 0 or 3 of 2 tokens"),
        ("counts:2:-1,3,2", "an expert has -1 or 3 of 2 tokens"),
        ("counts:0:0,0,0", "an expert has 0 or 0 of 0 tokens"),
    ],
)
def test_what_no_routing_gives_is_refused(words: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        distribution(words, 3, 2)
    assert caught.value.hint


def test_recorded_counts_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "counts.json"
    path.write_text(json.dumps({"tokens": 6, "counts": [6, 3, 2, 1, 0]}))
    assert recorded_counts(path) == distribution_words(str(path)) == "counts:6:6,3,2,1,0"


def test_other_words_than_a_path_stay_as_they_are() -> None:
    assert [distribution_words(one) for one in ("uniform", "zipf:2")] == ["uniform", "zipf:2"]
    with pytest.raises(BadInput, match="the routing 'normal' is unknown, and no file"):
        distribution_words("normal")


@pytest.mark.parametrize(
    "text",
    ["", "[1, 2]", "{}", '{"tokens": 2}', '{"tokens": 2, "counts": 3}', "[" * 9999,
     '{"tokens": true, "counts": [1]}', '{"tokens": 2, "counts": [1.5]}',
     '{"tokens": 2, "counts": [-1]}', '{"tokens": 2, "counts": [1e400]}'],
)  # fmt: skip
def test_a_file_of_something_else_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "counts.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"counts\.json") as caught:
        recorded_counts(path)
    assert "tokens" in caught.value.hint


@pytest.mark.parametrize(("experts", "top_k", "tokens"), [(128, 8, 1), (128, 8, 16), (16, 2, 500)])
def test_expected_active_experts_of_equal_shares_are_those_of_the_formula(
    experts: int, top_k: int, tokens: int
) -> None:
    found = distribution("uniform", experts, top_k).expected_active(tokens)
    assert found == pytest.approx(experts * (1 - (1 - top_k / experts) ** tokens), rel=1e-6)


def test_the_larger_the_skew_the_fewer_experts_are_active() -> None:
    skews = ("uniform", "zipf:1", "zipf:2")
    active = [distribution(one, 64, 4).expected_active(16) for one in skews]
    assert active == sorted(active, reverse=True)
    assert distribution("counts:2:2,2,0", 3, 2).expected_active(9) == 2


def test_a_rank_holds_every_so_manieth_expert_and_gets_the_tokens_of_all() -> None:
    skewed = distribution("counts:4:4,2,1,1", 4, 2)
    assert skewed.held_shares(2) == (1.0, 0.25)
    assert skewed.expected_active(3, ranks=2) == pytest.approx(1 + 1 - 0.75**6)
