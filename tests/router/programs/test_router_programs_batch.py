import numpy as np
import pytest

from moeprof.router.programs.batch import headroom, own_loads
from moeprof.store.errors import BadInput
from moeprof.tests.router.instances import IDLE_W, drawn


def test_shares_need_not_sum_to_one() -> None:
    assert own_loads(np.array([1.0, 3.0, 0.0]), 8, 10).tolist() == [2, 6, 0]


def test_a_load_that_is_above_the_limit_but_for_rounding_is_the_limit() -> None:
    assert own_loads(np.array([1.0, 1.0 + 1e-12]), 8, 4.0).max() == 4.0
    with pytest.raises(BadInput, match="expert 1 gets 6 of 8 assignments"):
        own_loads(np.array([1.0, 3.0]), 8, 5.0)


def test_infinite_shares_are_refused() -> None:
    with pytest.raises(BadInput, match="the share of expert 1 is inf"):
        own_loads(np.array([1.0, np.inf]), 8, 10.0)


def test_headroom_is_what_a_cap_leaves_above_idle() -> None:
    costs, _ = drawn(0, experts=2)
    assert headroom(costs, IDLE_W + 30) == 30
    with pytest.raises(BadInput, match="unreachable") as refusal:
        headroom(costs, IDLE_W - 1)
    assert refusal.value.hint == "the cap must be above the floor of 120 W"
