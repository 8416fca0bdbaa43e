"""A model that contradicts itself is refused with the curve and the rule."""

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from moeprof.costmodel.consistency import check_file
from moeprof.store.cost_model import (
    CostModelFile,
    Domain,
    ExpertWork,
    FitError,
    Peaks,
    Pole,
    SurfaceModel,
    Thermal,
    ThermalResponse,
    Work,
)
from moeprof.store.errors import BadInput
from moeprof.store.fitted_runs import LayerDifference, LayerSizes
from moeprof.tests.builders import make_model_file, make_points

WORK = Work(0.0, 1.0, 0.0, 1.0)


@pytest.fixture
def file() -> CostModelFile:
    return make_model_file(make_points(lambda size: 10.0 + size, (1, 8, 64)))


SURFACE = SurfaceModel(
    surface="moe-8x4",
    op="moe",
    shape=(8, 4),
    dtype="float32",
    weight_bits=None,
    group_size=None,
    experts=8,
    top_k=2,
    l2="cold",
    regime="burst",
    knots_tokens=(1, 4),
    knots_experts=(2, 4),
    latency_us=(5.0, 9.0),
    latency_source="kernel",
    coefficients_us=(1.0, 2.0, 0.0, 0.0),
    tile_rows=16,
    error=FitError(None, None, 0),
    half_width_95=0.1,
    energy_reason="none",
)


def test_a_built_model_is_consistent(file: CostModelFile) -> None:
    check_file(replace(file, surfaces=(SURFACE,)))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"knots_tokens": (1, 64, 8)}, "knots that do not ascend"),
        ({"knots_tokens": (-4, 8, 64)}, "knots that do not ascend"),
        ({"domain": Domain(1, 512)}, "not its first to its last knot"),
        ({"latency_us": (1.0, 2.0)}, "more or fewer values than knots"),
        ({"latency_half_95": (0.1,)}, "more or fewer values than knots"),
        ({"gap_us": (0.1,)}, "more or fewer values than knots"),
        ({"latency_us": (1.0, inf, 2.0)}, "a latency or an energy"),
        ({"latency_us": (5e-324, 1.0, 2.0)}, "a latency or an energy"),
        ({"latency_half_95": (0.1, None, nan)}, "an interval that is negative or beyond"),
        ({"latency_half_95": (0.1, None, 1e16)}, "an interval that is negative or beyond"),
        ({"latency_half_95": (0.1, None, -0.1)}, "an interval that is negative or beyond"),
        ({"energy_mj": (1.0, 2.0), "energy_tokens": (1, 9)}, "energy where it has no knot"),
        ({"energy_mj": (1.0, 2.0), "energy_tokens": (8, 1)}, "energy where it has no knot"),
        ({"energy_mj": (1.0, 2.0)}, "more or fewer values than knots"),
        ({"work": Work(0.0, -1.0, 0.0, 0.0)}, "work that is not"),
        ({"work": Work(1e300, 1.0, 0.0, 0.0)}, "work that is not"),
        ({"expert_work": ExpertWork(WORK, -1.0, 0.0, "uniform", 16, 2)}, "work that is not"),
        (
            {"expert_work": ExpertWork(WORK, 1.0, 0.0, "uniform", 2, 16)},
            "experts that cannot",
        ),
        ({"noise": nan}, "an interval that is negative or beyond"),
        ({"jump_share": -0.1}, "an interval that is negative or beyond"),
        ({"left_out": (0.1,)}, "more or fewer values than knots"),
    ],
)
def test_a_curve_that_contradicts_itself_is_named(
    file: CostModelFile, changes: dict[str, Any], complaint: str
) -> None:
    curve = replace(file.curves[0], **changes)
    with pytest.raises(BadInput, match=f"{curve.curve} has .*{complaint}|{complaint}") as caught:
        check_file(replace(file, curves=(curve,)))
    assert caught.value.message.startswith(curve.curve)
    assert "moeprof build-model" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"latency_us": (1.0,)}, "has more or fewer values"),
        ({"knots_tokens": (), "knots_experts": (), "latency_us": ()}, "has no knots"),
        ({"latency_us": (0.0, 9.0)}, "a latency or an energy"),
        ({"knots_experts": (0, 4)}, "count below 1"),
        ({"top_k": 0}, "count below 1"),
        ({"top_k": 33, "experts": 32}, "more experts to a token than there are"),
        ({"coefficients_us": (0.0,) * 4}, "coefficients"),
        ({"coefficients_us": (1.0, nan, 0.0, 0.0)}, "coefficients"),
        ({"half_width_95": -1.0}, "an interval that is negative"),
        ({"latency_half_95": (nan, 0.1)}, "an interval that is negative"),
    ],
)
def test_a_surface_that_contradicts_itself_is_named(
    file: CostModelFile, changes: dict[str, Any], complaint: str
) -> None:
    surface = replace(SURFACE, **changes)
    with pytest.raises(BadInput, match=complaint) as caught:
        check_file(replace(file, surfaces=(surface,)))
    assert caught.value.message.startswith("moe-8x4")


HEAT = Thermal(0.02, 100, ThermalResponse((Pole(3.0, 0.02),), 30.0, 0.3, 120.0))
LEAKY = replace(HEAT, leakage_w_per_c=0.5, leakage_w_per_c_ci95=0.1, reference_temp_c=50.0)


def step(**changes: Any) -> Thermal:
    return replace(HEAT, step=replace(HEAT.step, **changes))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"peaks": Peaks({"float32": -1.0}, None, None, "a sheet")}, "a peak rate"),
        ({"peaks": Peaks({}, nan, None, "a sheet")}, "a peak rate"),
        ({"thermal": replace(HEAT, r_c_per_w=nan)}, "heat"),
        ({"thermal": replace(HEAT, r_c_per_w=-0.1)}, "heat"),
        ({"thermal": replace(HEAT, leakage_w_per_c=0.5)}, "heat"),
        ({"thermal": replace(LEAKY, leakage_w_per_c=nan)}, "heat"),
        ({"thermal": replace(LEAKY, reference_temp_c=None)}, "heat"),
        ({"thermal": step(poles=())}, "heat"),
        ({"thermal": step(poles=(Pole(0.0, 0.1),))}, "heat"),
        ({"thermal": step(inlet_c=nan)}, "heat"),
        ({"thermal": step(hot_s=-1.0)}, "heat"),
    ],
)
def test_the_fields_that_all_curves_share_are_checked(
    file: CostModelFile, changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(BadInput, match=f"the model has .*{complaint}"):
        check_file(replace(file, **changes))


@pytest.mark.parametrize("score", [-0.1, nan, inf])
def test_an_impossible_score_is_refused(file: CostModelFile, score: float) -> None:
    for scores in (
        replace(file.intervals, quantiles=dict.fromkeys(("50", "80", "90", "95"), score)),
        replace(file.intervals, drift_95=score),
    ):
        with pytest.raises(BadInput, match="an interval score"):
            check_file(replace(file, intervals=scores))


@pytest.mark.parametrize(
    "changes",
    [
        {"top_k": 17},
        {"local_experts": 17},
        {"experts": 1 << 40},
        {"dtype": "float31"},
        {"weight_format": "fp9"},
        {"difference": LayerDifference(1e300, 0.0, None, None, 0.1, 9)},
        {"difference": LayerDifference(1.0, -1e300, None, None, 0.1, 9)},
    ],
)
def test_a_layer_that_cannot_be_is_refused(file: CostModelFile, changes: dict[str, Any]) -> None:
    layer = LayerSizes("tiny", 8, 4, 16, 2, "float32")
    check_file(replace(file, layers=(layer,)))
    with pytest.raises(BadInput, match="the model has a layer that cannot be"):
        check_file(replace(file, layers=(replace(layer, **changes),)))
