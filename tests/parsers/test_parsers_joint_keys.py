"""Keys of pairs: ordered and equal exactly as the pairs are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.parsers.joint_keys import joint_keys
from moeprof.stats.arrays import Int64

Pair = tuple[int, int]

small = st.tuples(st.integers(0, 2), st.integers(-3, 3))
huge = st.tuples(st.integers(0, 2), st.sampled_from([-(2**62), -1, 0, 2**61, 2**62]))


def _columns(pairs: list[Pair]) -> tuple[Int64, Int64]:
    majors, minors = np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T
    return majors, minors


@settings(max_examples=200)
@given(data=st.data(), pair=st.sampled_from([small, huge]))
def test_keys_compare_as_their_pairs_do(data: st.DataObject, pair: st.SearchStrategy[Pair]) -> None:
    left = data.draw(st.lists(pair, max_size=6))
    right = data.draw(st.lists(pair, max_size=6))
    keys = np.concatenate(joint_keys(_columns(left), _columns(right)))
    pairs = left + right
    for place, key in enumerate(keys):
        for other, other_key in enumerate(keys):
            assert (key < other_key) == (pairs[place] < pairs[other])
            assert (key == other_key) == (pairs[place] == pairs[other])


@pytest.mark.parametrize("left", [[], [(1, 5)]])
def test_one_side_may_be_empty(left: list[Pair]) -> None:
    keys, others = joint_keys(_columns(left), _columns([]))
    assert (len(keys), len(others)) == (len(left), 0)
