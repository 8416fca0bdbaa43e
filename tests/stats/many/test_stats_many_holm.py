"""Holm's correction: hand-made values, and what it promises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.stats.many.holm import holm


def test_each_p_value_is_multiplied_by_the_number_of_those_that_are_left() -> None:
    assert holm(np.array([0.03, 0.01, 0.02])) == pytest.approx([0.04, 0.03, 0.04])


def test_no_comparison_gives_none() -> None:
    assert len(holm(np.array([]))) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_it_keeps_the_order_and_is_between_plain_and_bonferroni(values: list[float]) -> None:
    p = np.array(values)
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, len(p) * p) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()
