"""The shares of a cost per token and per assignment."""

import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import CostModelFile
from moeprof.tests.builders import make_model_file, make_points

SIZES = range(1, 513, 21)  # 25 sizes, 1 … 505


def bumpy(size: int) -> float:
    """A slope with repeatable noise of a few percent."""
    return (50 + size) * (1 + 0.03 * ((7919 * size) % 13 - 6) / 6)


@pytest.fixture
def file() -> CostModelFile:
    return make_model_file(make_points(bumpy, SIZES))


@pytest.fixture
def model(file: CostModelFile) -> KernelCostModel:
    return KernelCostModel.from_file(file)


def test_shares_per_token_and_per_assignment_differ() -> None:
    routed = KernelCostModel.from_file(
        make_model_file(make_points(bumpy, SIZES, experts=16, top_k=2))
    )
    cost = routed.get_cost("fc1", 100)
    assert (cost.tokens, cost.assignments) == (100, 200)
    assert cost.latency_us_per_token == cost.latency_us / 100
    assert cost.latency_us_per_assignment == cost.latency_us / 200
    assert (cost.energy_mj_per_token, cost.energy_mj_per_assignment) == (None, None)
