"""The cost at a size: what was measured at a knot, an interval around the rest."""

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moeprof.costmodel.model import Cost, KernelCostModel
from moeprof.store.cost_model import CostModelFile

Build = Callable[..., CostModelFile]
MakePoints = Callable[..., pa.Table]

SIZES = range(1, 513, 21)  # 25 sizes, 1 … 505


def bumpy(size: int) -> float:
    """A slope with repeatable noise of a few percent."""
    return (50 + size) * (1 + 0.03 * ((7919 * size) % 13 - 6) / 6)


@pytest.fixture
def file(make_points: MakePoints, build: Build) -> CostModelFile:
    return build(make_points(bumpy, SIZES))


@pytest.fixture
def model(file: CostModelFile) -> KernelCostModel:
    return KernelCostModel.from_file(file)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(st.integers(1, 700), st.floats(1e-3, 1e6), min_size=21, max_size=30))
def test_a_model_is_exact_at_its_knots_and_positive_between(
    make_points: MakePoints, build: Build, measured: dict[int, float]
) -> None:
    file = build(make_points(measured.__getitem__, measured))
    model = KernelCostModel.from_file(file)
    (curve,) = model.curves
    knots = dict(zip(curve.knots_tokens, curve.latency_us, strict=True))
    for cost in model.get_costs("fc1", range(min(knots), max(knots) + 1)):
        assert cost.latency_us > 0
        assert cost.latency_us_lo is not None
        assert cost.latency_us_hi is not None
        assert cost.latency_us_lo <= cost.latency_us <= cost.latency_us_hi
        assert cost.measured is (cost.tokens in knots)
        if cost.measured:
            assert cost.latency_us == knots[cost.tokens]


def test_the_interval_at_a_knot_is_not_wider_than_between(model: KernelCostModel) -> None:
    def width(cost: Cost) -> float:
        assert cost.latency_us_lo is not None
        assert cost.latency_us_hi is not None
        return cost.latency_us_hi / cost.latency_us_lo

    costs = model.get_costs("fc1", range(1, 506))
    at_knots = [width(cost) for cost in costs if cost.measured]
    between = [width(cost) for cost in costs if not cost.measured]
    assert max(at_knots) <= min(between) * (1 + 1e-12)


def test_too_few_points_give_a_cost_without_an_interval(
    make_points: MakePoints, build: Build
) -> None:
    cost = KernelCostModel.from_file(build(make_points(bumpy, [1, 5, 9]))).get_cost("fc1", 3)
    assert (cost.latency_us_lo, cost.latency_us_hi) == (None, None)


def test_what_was_not_measured_is_none_with_the_reason(model: KernelCostModel) -> None:
    cost = model.get_cost("fc1", 3)
    assert (cost.energy_mj, cost.power_w, cost.temp_rise_c) == (None, None, None)
    assert (cost.energy_source, cost.energy_reason) == (
        "unavailable",
        "this machine has no energy counter",
    )
    assert (cost.op, cost.source, cost.extrapolated) == ("fc1", "wall", False)


def test_energy_has_the_steps_of_time_where_power_is_constant(
    make_points: MakePoints, build: Build
) -> None:
    def stairs(size: int) -> float:
        return 10.0 * -(-size // 64)

    metered = {"energy_source": "rapl", "energy_reason": None, "temp_rise_c": 0.25}
    points = [
        make_points(stairs, [size], energy_mj=0.3 * stairs(size), **metered)
        for size in (1, 32, 64, 65, 96, 128, 129, 160, 192)
    ]
    costs = KernelCostModel.from_file(build(*points)).get_costs("fc1", range(1, 193))
    for cost in costs:
        assert cost.latency_us == pytest.approx(stairs(cost.tokens))
        assert cost.energy_mj == pytest.approx(0.3 * stairs(cost.tokens))
        assert cost.power_w == pytest.approx(300)  # mJ per us are kW
        assert (cost.temp_rise_c, cost.energy_source) == (0.25, "rapl")
