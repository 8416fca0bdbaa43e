"""The shares of a cost per token and per assignment."""

from moeprof.costmodel.model import KernelCostModel
from moeprof.tests.builders import make_model_file, make_points
from moeprof.tests.costmodel.models import SIZES, bumpy


def test_shares_per_token_and_per_assignment_differ() -> None:
    routed = KernelCostModel.from_file(
        make_model_file(make_points(bumpy, SIZES, experts=16, top_k=2))
    )
    cost = routed.get_cost("fc1", 100)
    assert (cost.tokens, cost.assignments) == (100, 200)
    assert cost.latency_us_per_token == cost.latency_us / 100
    assert cost.latency_us_per_assignment == cost.latency_us / 200
    assert (cost.energy_mj_per_token, cost.energy_mj_per_assignment) == (None, None)
