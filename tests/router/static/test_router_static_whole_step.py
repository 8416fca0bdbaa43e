"""A whole model's step says whether reading fewer experts shortens it."""

import pytest

from moeprof.router.static.whole_step import WholeStep
from moeprof.store.errors import BadInput

BOUND = WholeStep(16, {"experts": 6000.0, "weights": 1000.0, "overhead": 3000.0})
HOST = WholeStep(2, {"experts": 3000.0, "weights": 1000.0, "overhead": 6000.0})


def test_a_step_whose_longest_part_is_reading_experts_is_bound_by_them() -> None:
    assert (BOUND.is_bound_by_experts, BOUND.reading_share) == (True, 0.6)
    assert BOUND.reason == "reading experts is 60 % of the whole model's step (predicted)"


def test_another_part_that_is_longer_is_named() -> None:
    assert not HOST.is_bound_by_experts
    assert HOST.reason.endswith("30 % of the whole model's step (predicted), and overhead 60 %")


@pytest.mark.parametrize("us", [0.0, -1.0, float("nan")])
def test_a_step_without_experts_or_of_no_times_is_refused(us: float) -> None:
    with pytest.raises(BadInput, match="experts"):
        WholeStep(1, {"experts": us, "overhead": 1.0})
    with pytest.raises(BadInput, match="reads no routed experts"):
        WholeStep(1, {"overhead": 1.0})
