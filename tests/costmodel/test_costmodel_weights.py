"""Weights of several formats are told apart in every look-up."""

from collections.abc import Callable

import pytest

from moeprof.costmodel.model import KernelCostModel
from moeprof.costmodel.weights import WeightChoice, weight_format_of
from moeprof.store.errors import BadInput
from moeprof.tests.builders import make_model, make_points

SIZES = (1, 2, 4, 8, 16, 32, 64)
KINDS = {"fp8_block": (8, "fp8_block.uniform"), "int8": (8, "uniform"), "int4": (4, "uniform")}


@pytest.fixture(scope="module")
def model() -> KernelCostModel:
    """One product on weights of three formats, each ten times as slow as the one before."""

    def slower(place: int) -> Callable[[int], float]:
        return lambda tokens: 10.0**place * (100 + tokens)

    return make_model(
        *(
            make_points(
                slower(place),
                SIZES,
                curve=f"w2_packed-8x4-{name}",
                op="w2_packed",
                weight_bits=bits,
                group_size=4,
                variant=variant,
            )
            for place, (name, (bits, variant)) in enumerate(KINDS.items())
        )
    )


@pytest.mark.parametrize(("place", "name"), list(enumerate(KINDS)))
def test_a_format_names_one_curve_in_every_look_up(
    model: KernelCostModel, place: int, name: str
) -> None:
    expected_us = 10.0**place * 108
    found = model.get_cost("w2_packed", 8, weight_format=name)
    assert found.latency_us == pytest.approx(expected_us, rel=1e-3)
    (of_several,) = model.get_costs("w2_packed", [8], weight_format=name)
    assert of_several.latency_us == found.latency_us
    lo, hi = model.get_interval_us("w2_packed", 8, 95, weight_format=name)
    assert lo <= found.latency_us <= hi
    parts = model.get_cost_breakdown("w2_packed", 8, weight_format=name)
    assert parts.cost.latency_us == found.latency_us


def test_bits_alone_do_not_tell_two_formats_apart(model: KernelCostModel) -> None:
    assert model.get_cost("w2_packed", 8, weight_bits=4).latency_us > 1000
    with pytest.raises(BadInput, match="stands for 2 curves") as caught:
        model.get_cost("w2_packed", 8, weight_bits=8)
    assert "format" in caught.value.hint


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"weight_format": "mxfp4"}, "with the formats fp8_block, int4, int8, not mxfp4"),
        ({"weight_format": "int4", "weight_bits": 8}, "not int4 of 8 bits"),
        ({"weight_format": "fp9"}, "no kernel for weights of 'fp9'"),
        ({"weight_bits": 16}, "with weights of 4, 8 bits, not 16"),
    ],
)
def test_weights_that_were_not_measured_are_refused(
    model: KernelCostModel, asked: dict[str, object], refusal: str
) -> None:
    with pytest.raises(BadInput, match=refusal):
        model.get_cost("w2_packed", 8, **asked)  # type: ignore[arg-type]


def test_a_format_of_weights_that_are_not_quantised_is_refused() -> None:
    model = make_model(make_points(float, SIZES))
    with pytest.raises(BadInput, match="--weight-format is for quantised weights"):
        model.get_cost("fc1", 8, weight_format="mxfp4")


def test_a_shape_is_predicted_from_weights_of_one_format(model: KernelCostModel) -> None:
    with pytest.raises(BadInput, match="weights of fp8_block, int4, int8, and a shape"):
        model.get_cost("w2_packed", 8, shape=(8, 8))


def test_the_format_of_unquantised_weights_is_none() -> None:
    (curve,) = make_model(make_points(float, SIZES)).curves
    assert weight_format_of(curve) == "none"
    assert WeightChoice(bits=32, format="none").fits(curve)
    assert not WeightChoice(format="int4").fits(curve)
