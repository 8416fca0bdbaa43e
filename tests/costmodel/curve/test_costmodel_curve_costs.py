"""The costs of a curve: exact at its knots, with intervals, energy and flags."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.curve.energy import BEYOND
from moeprof.costmodel.model import Cost, KernelCostModel
from moeprof.store.cost_model import Pole, Thermal, ThermalResponse
from moeprof.tests.builders import NO_COUNTER, make_model, make_model_file, make_points
from moeprof.tests.costmodel.models import bumpy, bumpy_file


@pytest.fixture
def model() -> KernelCostModel:
    return KernelCostModel.from_file(bumpy_file())


@settings(max_examples=30)
@given(st.dictionaries(st.integers(1, 700), st.floats(1e-3, 1e6), min_size=21, max_size=30))
def test_a_model_is_exact_at_its_knots_and_positive_between(measured: dict[int, float]) -> None:
    file = make_model_file(make_points(measured.__getitem__, measured))
    model = KernelCostModel.from_file(file)
    (curve,) = model.curves
    knots = dict(zip(curve.knots_tokens, curve.latency_us, strict=True))
    for cost in model.get_costs("fc1", range(min(knots), max(knots) + 1)):
        assert cost.latency_us > 0
        assert cost.latency_us_lo <= cost.latency_us <= cost.latency_us_hi
        assert cost.measured is (cost.tokens in knots)
        if cost.measured:
            assert cost.latency_us == knots[cost.tokens]


def test_the_interval_at_a_knot_is_not_wider_than_between(model: KernelCostModel) -> None:
    def width(cost: Cost) -> float:
        return cost.latency_us_hi / cost.latency_us_lo

    costs = model.get_costs("fc1", range(1, 506))
    at_knots = [width(cost) for cost in costs if cost.measured]
    between = [width(cost) for cost in costs if not cost.measured]
    assert max(at_knots) <= min(between) * (1 + 1e-12)


def test_too_few_points_give_the_wide_interval_of_public_tables() -> None:
    cost = make_model(make_points(bumpy, [1, 5, 9])).get_cost("fc1", 3)
    assert cost.latency_us_lo < cost.latency_us < cost.latency_us_hi


def test_the_nominal_coverages_come_from_the_same_scores(model: KernelCostModel) -> None:
    cost = model.get_cost("fc1", 37)
    intervals = [model.get_interval_us("fc1", 37, percent) for percent in (50, 80, 90, 95)]
    widths = [high - low for low, high in intervals]
    assert widths == sorted(widths)
    assert intervals[-1] == pytest.approx((cost.latency_us_lo, cost.latency_us_hi))


def test_energy_between_anchors_is_power_times_latency_with_both_errors() -> None:
    metered = {"energy_source": "nvml_counter", "energy_reason": None}
    points = [
        make_points(lambda b: 10.0 + b, [size], energy_mj=watts * (10 + size) / 1000,
                    energy_mj_ci95=0.02 * watts * (10 + size) / 1000, **metered)
        for size, watts in ((1, 100.0), (6, 150.0), (11, 200.0))
    ]  # fmt: skip
    model = KernelCostModel.from_file(
        make_model_file(*points, make_points(lambda b: 10.0 + b, [20]))
    )
    cost = model.get_cost("fc1", 8)
    energy_mj = 0.6 * 0.150 * 16 + 0.4 * 0.200 * 21
    assert cost.power_w == pytest.approx(1000 * energy_mj / 18)
    assert cost.energy_mj == pytest.approx(energy_mj)
    assert cost.energy_mj_hi is not None
    assert cost.energy_mj_hi / energy_mj > cost.latency_us_hi / cost.latency_us
    beyond = model.get_cost("fc1", 15)
    assert (beyond.energy_mj, beyond.energy_source) == (None, "unavailable")
    assert beyond.energy_reason == BEYOND.format(1, 11)


def test_power_is_interpolated_inside_one_kernel_and_constant_up_to_another() -> None:
    metered = {"energy_source": "nvml_counter", "energy_reason": None}
    points = [
        make_points(lambda b: 10.0, [size], energy_mj=watts / 100, signature=kernel, **metered)
        for size, watts, kernel in ((1, 100.0, "a"), (11, 200.0, "a"), (21, 400.0, "b"))
    ]
    costs = make_model(*points).get_costs("fc1", [6, 15, 21])
    assert [cost.power_w for cost in costs] == pytest.approx([150, 200, 400])


def test_heat_follows_from_the_power_above_idle() -> None:
    metered = {"energy_source": "nvml_counter", "energy_reason": None, "idle_power_w": 50.0}
    points = [
        make_points(lambda b: 10.0, [size], energy_mj=watts / 100, power_w=watts, **metered)
        for size, watts in ((1, 100.0), (11, 200.0), (21, 300.0))
    ]
    unmetered = make_points(lambda b: 10.0, [1, 21], op="fc2", curve="fc2-4x8")
    cold = make_model_file(*points, unmetered)
    step = ThermalResponse((Pole(3.0, 0.1),), inlet_c=30.0, rmse_c=0.3, hot_s=120.0)
    model = KernelCostModel.from_file(replace(cold, thermal=Thermal(0.1, 1000, step)))
    assert KernelCostModel.from_file(cold).get_cost("fc1", 6).temp_rise_c is None
    assert model.get_cost("fc1", 6).temp_rise_c == pytest.approx(10)
    assert model.get_costs("fc1", [1, 16]).temp_rise_c == pytest.approx([5, 20])
    assert model.get_cost("fc2", 6).temp_rise_c is None


def test_an_unmeasured_energy_is_none_with_the_reason(model: KernelCostModel) -> None:
    cost = model.get_cost("fc1", 3)
    assert (cost.energy_mj, cost.power_w, cost.temp_rise_c) == (None, None, None)
    assert (cost.energy_source, cost.energy_reason) == (
        "unavailable",
        NO_COUNTER,
    )
    assert (cost.op, cost.source, cost.extrapolated) == ("fc1", "wall", False)


def test_energy_has_the_steps_of_time_where_power_is_constant() -> None:
    def stairs(size: int) -> float:
        return 10.0 * -(-size // 64)

    metered = {"energy_source": "rapl", "energy_reason": None}
    points = [
        make_points(stairs, [size], energy_mj=0.3 * stairs(size), **metered)
        for size in (1, 32, 64, 65, 96, 128, 129, 160, 192)
    ]
    costs = make_model(*points).get_costs("fc1", range(1, 193))
    for cost in costs:
        assert cost.latency_us == pytest.approx(stairs(cost.tokens))
        assert cost.energy_mj == pytest.approx(0.3 * stairs(cost.tokens))
        assert cost.power_w == pytest.approx(300)  # mJ per us are kW
        assert cost.energy_source == "rapl"


def test_costs_from_a_flagged_point_are_doubtful() -> None:
    marked = make_points(bumpy, [8], marks=["spread 30 % > 20 %"])
    model = make_model(make_points(bumpy, [1, 4, 16, 32]), marked)
    assert model.curves[0].doubtful_tokens == (8,)
    doubtful = [size for size in range(1, 33) if model.get_cost("fc1", size).doubtful]
    assert doubtful == list(range(5, 16))
