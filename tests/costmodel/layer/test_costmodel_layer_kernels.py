"""The kernels of one layer in a model of several: told apart by sizes, never added up across."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from moeprof.costmodel.layer.kernels import LayerChoice, curves_of_layer
from moeprof.costmodel.lookup import Lookup
from moeprof.costmodel.model import KernelCostModel
from moeprof.store.cost_model import CostModelFile
from moeprof.store.errors import BadInput
from moeprof.store.fitted_runs import LayerSizes
from moeprof.tests.builders import make_model_file, make_points

OPS = ("topk", "fc1", "gelu", "fc2")
NARROW = LayerSizes("tiny", 8, 4, 16, 2, "float32")
WIDE = LayerSizes("tiny", 16, 4, 16, 2, "float32")  # another layer of the same name
ROUTED = LayerSizes("routed", 8, 4, 64, 2, "float32")


def _curve(op: str, *shape: int, us: float = 1.0, **columns: Any) -> pa.Table:
    parts = [op, "x".join(map(str, shape)), *map(str, columns.values())]
    named = {"curve": "-".join(filter(None, parts)), "op": op, "shape": list(shape)}
    return make_points(lambda tokens: us * (10 + tokens), (1, 8, 64), **named, **columns)


def _topk(experts: int) -> pa.Table:
    return _curve("topk", experts=experts, top_k=2)


def _model(*curves: pa.Table, layers: tuple[LayerSizes, ...]) -> CostModelFile:
    return replace(make_model_file(*curves), layers=layers)


def _found(file: CostModelFile, shape: tuple[int, ...] | None = None) -> dict[str, str]:
    return curves_of_layer(Lookup(file), file.layers, LayerChoice(OPS, shape, 2))


@pytest.fixture
def two() -> CostModelFile:
    """Two layers of one name and of other widths."""
    curves = [_topk(16), _curve("gelu", 4)]
    for hidden in (8, 16):
        curves += [_curve("fc1", hidden, 4, us=hidden), _curve("fc2", 4, hidden, us=hidden)]
    return _model(*curves, layers=(NARROW, WIDE))


def test_the_shape_chooses_the_layer(two: CostModelFile) -> None:
    assert _found(two, (8, 4)) == {
        "topk": "topk-16-2", "fc1": "fc1-8x4", "gelu": "gelu-4", "fc2": "fc2-4x8",
    }  # fmt: skip
    assert _found(two, (16, 4))["fc1"] == "fc1-16x4"


def test_layers_of_one_name_are_not_pooled(two: CostModelFile) -> None:
    model = KernelCostModel.from_file(two)
    narrow, wide = (
        model.get_layer_cost(8, top_k=2, active_experts=8, shape=(hidden, 4)) for hidden in (8, 16)
    )
    of_fc1 = [layer.parts[1].cost.latency_us for layer in (narrow, wide)]
    assert of_fc1[1] == pytest.approx(2 * of_fc1[0])


def test_without_a_shape_the_layers_are_listed(two: CostModelFile) -> None:
    with pytest.raises(BadInput, match=r"2 layers with top-2 .* are 8x4 \(tiny, .*, 16x4 \(tiny"):
        _found(two)
    with pytest.raises(BadInput, match="has no layer of 32x4 with top-2"):
        _found(two, (32, 4))


def test_a_layer_whose_kernels_are_of_two_is_none() -> None:
    file = _model(
        *(_topk(16), _curve("fc1", 8, 4), _curve("gelu", 4), _curve("fc2", 4, 16)),
        layers=(NARROW, WIDE),
    )
    with pytest.raises(BadInput, match="no layer with top-2 of which it has topk, fc1, gelu, fc2"):
        _found(file)


def test_the_router_is_that_of_the_layer() -> None:
    kernels = (_curve("fc1", 8, 4), _curve("gelu", 4), _curve("fc2", 4, 8))
    with pytest.raises(BadInput, match="no layer"):
        _found(_model(_topk(64), *kernels, layers=(NARROW,)))
    several = _model(_topk(16), _topk(64), *kernels, layers=(NARROW, replace(WIDE, experts=64)))
    assert _found(several)["topk"] == "topk-16-2"
    with pytest.raises(BadInput, match="has 2 layers"):
        _found(_model(_topk(16), _topk(64), *kernels, layers=(NARROW, ROUTED)))


def test_gated_experts_that_were_planned_and_are_not_in_the_model_have_their_reasons(
    two: CostModelFile,
) -> None:
    lacking = {"w2_packed-4x8": "no answer within 60 s", "gate": "out of memory"}
    model = KernelCostModel.from_file(replace(two, unmeasured=lacking))
    reason = r"\(w2_packed-4x8: no answer within 60 s\)"
    with pytest.raises(BadInput, match=reason):
        model.get_layer_cost(8)
    with pytest.raises(BadInput, match=reason) as caught:
        model.get_layer_cost(8, top_k=2, active_experts=8, routing="uniform")
    assert "--resume" in (caught.value.hint or "")


def test_a_model_of_before_layers_has_one_curve_of_each() -> None:
    kernels = (_topk(16), _curve("fc1", 8, 4), _curve("gelu", 4), _curve("fc2", 4, 8))
    assert list(_found(_model(*kernels, layers=()))) == list(OPS)
    with pytest.raises(BadInput, match="fc1 stands for 2 curves: fc1-16x4, fc1-8x4"):
        _found(_model(*kernels, _curve("fc1", 16, 4), layers=()))
    named = _model(*kernels, _curve("fc1", 16, 4), layers=())
    assert _found(named, (8, 4))["fc1"] == "fc1-8x4"


def test_kernels_of_two_layers_that_were_pooled_are_refused() -> None:
    """Before 1.6 two presets of one name made one model, which names no layers."""
    pooled = _model(
        *(_topk(16), _curve("fc1", 8, 4), _curve("gelu", 4), _curve("fc2", 4, 16)), layers=()
    )
    with pytest.raises(BadInput, match="fc1 was measured with hidden 8 and fc2 with 16"):
        _found(pooled)


def test_what_is_for_gated_experts_is_refused_by_name() -> None:
    kernels = (_topk(16), _curve("fc1", 8, 4), _curve("gelu", 4), _curve("fc2", 4, 8))
    model = KernelCostModel.from_file(_model(*kernels, layers=(NARROW,)))
    assert model.get_layer_cost(8, top_k=2, active_experts=8).missing[0] == "gate"
    with pytest.raises(BadInput, match="--link-gb-per-s is for a layer of gated experts"):
        model.get_layer_cost(8, top_k=2, active_experts=8, link_gb_per_s=1.0)
    with pytest.raises(BadInput, match="a layer needs --top-k and --active-experts"):
        model.get_layer_cost(8)


def test_layers_that_differ_in_their_routing_alone_are_one_for_single_kernels() -> None:
    kernels = (_topk(16), _curve("fc1", 8, 4), _curve("gelu", 4), _curve("fc2", 4, 8))
    layers = tuple(replace(NARROW, routing=words) for words in ("uniform", "zipf:1"))
    assert _found(_model(*kernels, layers=layers))["fc1"] == "fc1-8x4"


def test_an_operation_of_ones_own_may_be_of_any_layer(two: CostModelFile) -> None:
    own = _curve("own", 3)
    file = replace(two, curves=(*two.curves, *make_model_file(own).curves))
    asked = LayerChoice(("own", "fc1"), (16, 4), 2)
    assert curves_of_layer(Lookup(file), file.layers, asked)["own"] == "own-3"
