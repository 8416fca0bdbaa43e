"""A layer of gated experts: its parts, the fitted difference, other routings, what is missing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from moeprof.costmodel.layer.fitted import with_differences
from moeprof.costmodel.model import KernelCostModel
from moeprof.store.errors import BadInput
from moeprof.store.fitted_runs import PartCurve
from moeprof.tests.builders import make_model_file, make_points
from moeprof.tests.costmodel.layer.gated_models import (
    GROUPED,
    LAYER,
    PARTS,
    SIZES,
    curve_of,
    gated_file,
    gated_model,
    part_us,
    points_of,
    routed_us,
    unit_us,
)

UNIFORM, SKEWED = (replace(LAYER, routing=words) for words in ("uniform", "zipf:2"))


@pytest.mark.parametrize("tokens", [1, 7, 64, 128])
def test_a_layer_is_its_parts_and_what_they_take_otherwise_in_a_row(tokens: int) -> None:
    found = gated_model("uniform").get_layer_cost(tokens)
    assert [part.cost.op for part in found.parts] == list(PARTS)
    assert {(part.cost.tokens, part.calls) for part in found.parts} == {(tokens, 1)}
    assert found.sum_us == pytest.approx(sum(part.cost.latency_us for part in found.parts))
    assert found.by_parts_us == pytest.approx(0.9 * found.sum_us + 3 * 6, rel=1e-3)
    assert found.difference_us == pytest.approx(found.latency_us - found.sum_us)
    assert found.latency_us_lo < found.latency_us < found.latency_us_hi
    assert found.unit is not None
    assert found.by_parts_us == pytest.approx(found.latency_us, rel=0.02)
    assert (found.missing, found.estimated) == ((), False)


def with_unit_us(us: Callable[[int], float], sizes: Sequence[int]) -> KernelCostModel:
    """The layer of `gated_file`, measured as one unit at `sizes`, where it took `us`."""
    file = gated_file("uniform")
    name = curve_of("moe_layer", UNIFORM)
    named = {"curve": name, "op": "moe_layer", "shape": [LAYER.hidden, LAYER.ffn]}
    (unit,) = make_model_file(make_points(us, sizes, **named)).curves
    curves = tuple(unit if one.curve == name else one for one in file.curves)
    return KernelCostModel.from_file(replace(file, curves=curves))


@pytest.mark.parametrize(("tokens", "is_inside"), [(1, True), (5, True), (16, True), (17, False)])
def test_a_layer_costs_what_it_took_as_one_unit_wherever_that_was_measured(
    tokens: int, is_inside: bool
) -> None:
    model = with_unit_us(lambda tokens: 40.0 + tokens, SIZES[:5])
    found = model.get_layer_cost(tokens)
    assert found.is_as_measured == is_inside
    if is_inside:
        unit = model.get_cost("moe_layer", tokens)
        bounds = found.latency_us, found.latency_us_lo, found.latency_us_hi
        assert bounds == (unit.latency_us, unit.latency_us_lo, unit.latency_us_hi)
    else:
        assert found.latency_us == found.by_parts_us
    assert found.latency_us == pytest.approx(found.sum_us + (found.difference_us or 0))


def test_what_was_measured_as_one_unit_lacks_no_part_but_the_energy_does() -> None:
    metered = {"energy_source": "nvml_counter", "energy_reason": None, "energy_mj": 2.0}
    found = gated_model("uniform", without=["permute"], **metered).get_layer_cost(8)
    assert found.is_as_measured
    assert (found.missing, found.difference_reason) == ((), None)
    assert found.latency_us == pytest.approx(unit_us(UNIFORM, 8), rel=1e-3)
    assert (found.energy_mj, found.energy_reason) == (None, "permute: not among the operations")


def test_a_layer_of_a_format_is_its_own_packed_parts_beside_its_own_unit() -> None:
    packs = replace(LAYER, weight_format="mxfp4", group_size=32)
    file = gated_file("uniform", layer=packs)
    parts = tuple(
        replace(part, weight_bits=4) if part.op in GROUPED else part
        for part in file.layers[0].parts
    )
    layer = replace(file.layers[0], parts=parts, difference=None)
    model = KernelCostModel(with_differences(replace(file, layers=(layer,))))
    found = model.get_layer_cost(8, weight_format="mxfp4")
    assert [part.cost.op for part in found.parts] == list(PARTS)
    assert found.unit is not None
    assert found.latency_us == pytest.approx(found.unit.latency_us, rel=0.02)
    assert not found.estimated
    with pytest.raises(BadInput, match="no measured layer on weights of fp8_block; its layers are"):
        model.get_layer_cost(8, weight_format="fp8_block")


def test_the_expected_active_experts_are_those_of_the_routing() -> None:
    model = gated_model("uniform")
    assert model.get_layer_cost(1).active_experts == pytest.approx(2)
    assert model.get_layer_cost(8).active_experts == pytest.approx(16 * (1 - (7 / 8) ** 8))
    assert model.get_layer_cost(8, routing="uniform").routing == "uniform"


@pytest.mark.parametrize("tokens", [4, 16, 64])
def test_a_routing_that_was_not_measured_is_estimated_from_the_nearest(tokens: int) -> None:
    found = gated_model("uniform", "zipf:1").get_layer_cost(tokens, routing="zipf:2")
    assert found.latency_us == pytest.approx(unit_us(SKEWED, tokens), rel=0.05)
    assert found.estimated
    assert found.unit is None
    kinds = {part.cost.op: part.cost.estimated for part in found.parts}
    assert [op for op, estimated in kinds.items() if estimated] == ["w13_grouped", "w2_grouped"]


def test_of_several_measured_routings_one_is_named() -> None:
    model = gated_model("uniform", "zipf:2")
    with pytest.raises(BadInput, match="several routings: uniform, zipf:2"):
        model.get_layer_cost(8)
    skewed = model.get_layer_cost(8, routing="zipf:2.0")
    assert skewed.sum_us == pytest.approx(sum(part_us(op, SKEWED, 8) for op in PARTS), rel=1e-4)
    assert skewed.unit is not None
    assert not skewed.estimated


def test_active_experts_that_are_given_replace_the_expected_ones() -> None:
    model = gated_model("uniform")
    few, many = (model.get_layer_cost(16, active_experts=count) for count in (4, 16))
    assert (few.active_experts, many.active_experts) == (4, 16)
    assert many.sum_us - few.sum_us == pytest.approx(2 * 20 * 12, rel=0.1)
    with pytest.raises(BadInput, match=r"17 active experts cannot be: .* reach 2 to 16"):
        model.get_layer_cost(16, active_experts=17)
    with pytest.raises(BadInput, match=r"9 active experts cannot be: 4 tokens .* reach 2 to 8"):
        model.get_layer_cost(4, active_experts=9)


def test_a_part_that_was_not_measured_is_named_and_no_difference_is_added() -> None:
    found = gated_model("uniform", without=["permute", "moe_layer"]).get_layer_cost(8)
    assert found.missing == ("permute: not among the operations",)
    assert found.latency_us == found.sum_us
    assert found.difference_reason == "it was fitted to the sum of all parts, and some are missing"


def test_a_layer_that_was_not_measured_as_one_unit_says_so() -> None:
    found = gated_model("uniform", without=["moe_layer"]).get_layer_cost(8)
    assert found.latency_us == found.sum_us
    assert found.difference is None
    assert found.difference_reason is not None
    assert "measured at 0 sizes" in found.difference_reason


def test_the_exchanges_of_a_rank_are_added_by_the_stated_bandwidth() -> None:
    model = gated_model("uniform", layer=replace(LAYER, local_experts=4))
    without = model.get_layer_cost(64)
    assert without.missing == (
        "all-to-all, dispatch: no bandwidth is stated",
        "all-to-all, combine: no bandwidth is stated",
    )
    found = model.get_layer_cost(64, link_gb_per_s=1.0)
    # 64 tokens to 2 experts, 3 of 4 elsewhere: rows of 8 floats, there and back.
    assert found.latency_us - without.latency_us == pytest.approx(2 * 64 * 2 * 0.75 * 32 / 1e3)
    assert found.estimated
    assert found.missing == ()


def test_a_link_without_other_ranks_has_no_effect_and_the_reason_says_so() -> None:
    model = gated_model("uniform")
    found = model.get_layer_cost(64, link_gb_per_s=1.0)
    assert found.latency_us == model.get_layer_cost(64).latency_us
    assert (found.communication, found.communication_reason) == (
        (), "one device holds the whole layer",
    )  # fmt: skip
    assert model.get_layer_cost(64).communication_reason is None


def test_packed_weights_replace_the_products_and_the_activation() -> None:
    file = gated_file("uniform")
    packed = ("w13_act_packed", "w2_packed")
    tables = [points_of(op, UNIFORM, lambda _: 40.0) for op in packed]
    curves = make_model_file(*tables).curves
    parts = tuple(PartCurve(op, curve_of(op, UNIFORM), 4) for op in packed)
    layer = replace(file.layers[0], parts=(*file.layers[0].parts, *parts))
    model = KernelCostModel.from_file(
        replace(file, curves=(*file.curves, *curves), layers=(layer,))
    )
    found = model.get_layer_cost(8, weight_bits=4)
    assert [part.cost.op for part in found.parts] == [
        "gate", "topk", "permute", "w13_act_packed", "w2_packed", "unpermute",
    ]  # fmt: skip
    assert found.estimated  # the difference is that of the layer on other weights
    assert found.unit is None
    assert model.get_layer_cost(8, weight_bits=32).sum_us == model.get_layer_cost(8).sum_us
    with pytest.raises(BadInput, match="with weights of 4, 32 bits, not 8"):
        model.get_layer_cost(8, weight_bits=8)
    with pytest.raises(BadInput, match="on weights of int4") as caught:
        model.get_layer_cost(8, weight_format="int4")
    assert caught.value.hint.endswith("name them by --weight-bits 4")


def test_unquantised_weights_are_those_of_the_dtype_also_where_others_alone_were_measured() -> None:
    own = ("w13_grouped", "act_mul", "w2_grouped")
    file = gated_file("uniform", without=[*own, "moe_layer"])
    packed = ("w13_act_packed", "w2_packed")
    curves = make_model_file(*(points_of(op, UNIFORM, lambda _: 40.0) for op in packed)).curves
    parts = tuple(PartCurve(op, curve_of(op, UNIFORM), 4) for op in packed)
    layer = replace(file.layers[0], parts=(*file.layers[0].parts, *parts))
    model = KernelCostModel.from_file(
        replace(file, curves=(*file.curves, *curves), layers=(layer,))
    )
    assert model.get_layer_cost(8).missing == ()
    for asked in ({"weight_format": "none"}, {"weight_bits": 32}):
        assert len(model.get_layer_cost(8, **asked).missing) == 3


def test_the_energy_of_a_layer_is_that_of_its_parts() -> None:
    metered = {"energy_source": "nvml_counter", "energy_reason": None, "energy_mj": 2.0}
    found = gated_model("uniform", **metered).get_layer_cost(8)
    assert found.energy_mj == pytest.approx(2.0 * len(PARTS))


def test_an_engine_takes_the_place_of_the_parts_that_it_computes() -> None:
    model = gated_model("uniform", routed=["vllm_fused_experts"])
    found = model.get_layer_cost(8, routed_by="vllm_fused_experts")
    assert [part.cost.op for part in found.parts] == ["gate", "topk", "vllm_fused_experts"]
    own = part_us("gate", LAYER, 8) + part_us("topk", LAYER, 8)
    layer = replace(LAYER, routing="uniform")
    assert found.sum_us == pytest.approx(own + routed_us(layer, 8) / 2, rel=1e-3)
    assert found.unit is None
    assert found.estimated  # the difference is that of the parts one by one


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"routed_by": "sglang"}, "not measured by sglang"),
        ({"routed_by": "vllm", "weight_bits": 4}, "not measured by vllm with weights of 4 bits"),
        ({"routed_by": "vllm", "routing": "zipf:1"}, "with the routing uniform alone"),
        ({"routed_by": "vllm", "active_experts": 4}, "with the routing uniform alone"),
    ],
)
def test_an_engine_that_was_not_measured_so_is_refused(asked: dict[str, Any], refusal: str) -> None:
    with pytest.raises(BadInput, match=refusal):
        gated_model("uniform", routed=["vllm"]).get_layer_cost(8, **asked)
