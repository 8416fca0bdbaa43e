"""Memory pressure adds the growth of the roofline to the latency, and idle power in that time."""

import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.models import metered_model


@pytest.fixture
def model() -> KernelCostModel:
    return metered_model()


def test_pressure_adds_time_only_where_memory_bounds_the_call(model: KernelCostModel) -> None:
    free, squeezed = model.get_cost("fc1", 50), model.get_cost("fc1", 50, memory_pressure=0.5)
    assert squeezed.latency_us == pytest.approx(free.latency_us + 100)  # 100 us become 200
    assert squeezed.estimated
    assert not squeezed.measured
    assert squeezed.energy_mj == pytest.approx(16 + 50 * 100 / 1000)
    bound = model.get_cost("fc1", 200, memory_pressure=0.5)  # 200 us of arithmetic
    assert bound.latency_us == model.get_cost("fc1", 200).latency_us
    assert bound.estimated


@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0, float("nan")])
def test_an_impossible_pressure_is_refused(model: KernelCostModel, share: float) -> None:
    with pytest.raises(BadInput, match="memory pressure"):
        model.get_cost("fc1", 50, memory_pressure=share)
