"""Grouped operations at another number of active experts than the measured one."""

from dataclasses import replace

import pytest

from moeprof.costmodel.layer.loads import RoutedCurve, expected_active, with_active
from moeprof.costmodel.model import KernelCostModel
from moeprof.store.fitted_runs import LayerSizes
from moeprof.tests.builders import make_model_file, make_points

LAYER = LayerSizes("tiny", 8, 4, 16, 2, "float32")
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


def _time_us(tokens: int, active: float) -> float:
    return 5 + 20 * active + 0.5 * tokens


def _model(routing: str) -> tuple[KernelCostModel, RoutedCurve]:
    active = tuple(expected_active(LAYER, routing, size) for size in SIZES)
    points = make_points(lambda size: _time_us(size, active[SIZES.index(size)]), SIZES)
    file = make_model_file(points)
    return KernelCostModel.from_file(file), RoutedCurve(file.curves[0], active)


@pytest.mark.parametrize("tokens", [4, 16, 64])
def test_fewer_active_experts_read_fewer_weights(tokens: int) -> None:
    model, curve = _model("uniform")
    measured = model.get_cost("fc1", tokens)
    at = expected_active(LAYER, "uniform", tokens), expected_active(LAYER, "zipf:2", tokens)
    found = with_active(measured, [curve], LAYER.top_k, at)
    assert found.latency_us == pytest.approx(_time_us(tokens, at[1]), rel=0.02)
    assert found.latency_us_lo < found.latency_us < found.latency_us_hi
    assert found.estimated
    assert not found.measured


def test_as_many_active_experts_as_measured_change_nothing() -> None:
    model, curve = _model("uniform")
    measured = replace(model.get_cost("fc1", 16), energy_mj=3.0)
    found = with_active(measured, [curve], LAYER.top_k, (14.0, 14.0))
    assert found.latency_us == pytest.approx(measured.latency_us)
    assert found.energy_mj == pytest.approx(3.0)


def test_a_rank_has_its_share_of_the_active_experts() -> None:
    whole = expected_active(LAYER, "uniform", 64)
    rank = expected_active(replace(LAYER, local_experts=4), "uniform", 16)
    assert 4 * rank == pytest.approx(whole, rel=0.01)
