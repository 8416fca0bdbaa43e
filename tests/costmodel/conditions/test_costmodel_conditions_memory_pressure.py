"""Memory pressure adds the growth of the roofline to the latency, and idle power in that time."""

from dataclasses import replace

import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import Peaks
from moeprof.store.errors import BadInput
from moeprof.tests.builders import make_model_file, make_points

PEAKS = Peaks({"float32": 1e12}, 1e11, None, "a sheet")


METERED = {"energy_source": "nvml_counter", "energy_reason": None, "idle_power_w": 50.0}


@pytest.fixture
def model() -> KernelCostModel:
    """An operation that memory bounds to 100 tokens and arithmetic beyond: 10 us, 1 us a token."""
    tables = [
        make_points(
            lambda b: 60.0 + 2 * b,
            [size],
            flops=10**6 * size,
            bytes_moved=10**7,
            energy_mj=0.1 * (60 + 2 * size),
            gap_us=0.5,
            **METERED,
        )
        for size in (1, 50, 100, 150, 200)
    ]
    return KernelCostModel.from_file(replace(make_model_file(*tables), peaks=PEAKS))


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
