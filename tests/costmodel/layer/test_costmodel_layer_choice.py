"""Which layer is asked for: by sizes, never by a name, at each measured routing."""

from dataclasses import replace
from typing import Any

import pytest

from moeprof.costmodel.layer.choice import layers_asked_for
from moeprof.costmodel.layer.query import LayerQuery
from moeprof.store.errors import BadInput
from moeprof.store.fitted_runs import LayerSizes, PartCurve

PARTS = (PartCurve("gate", "gate-8-fp32-e16-cold"),)
NARROW = LayerSizes("tiny", 8, 4, 16, 2, "float32", routing="uniform", parts=PARTS)
WIDE = replace(NARROW, hidden=16)
RANK = replace(NARROW, local_experts=4)
SKEWED = replace(NARROW, preset="other", routing="zipf:1")
OLD = LayerSizes("old", 32, 4, 16, 2, "float32")


def test_the_only_layer_needs_no_name_and_has_all_its_routings() -> None:
    assert layers_asked_for([NARROW, SKEWED, OLD], LayerQuery(8)) == (NARROW, SKEWED)


@pytest.mark.parametrize(
    ("shape", "found"), [((8, 4), NARROW), ((16, 4), WIDE), ((16, 4, 16), WIDE)]
)
def test_the_shape_chooses_among_several(shape: tuple[int, ...], found: LayerSizes) -> None:
    assert layers_asked_for([NARROW, WIDE], LayerQuery(8, shape=shape)) == (found,)


def test_the_experts_on_this_device_tell_a_rank_from_the_whole() -> None:
    for layer, held in ((NARROW, 16), (RANK, 4)):
        assert layers_asked_for([NARROW, RANK], LayerQuery(8, shape=(8, 4, held))) == (layer,)
    with pytest.raises(BadInput, match=r"several layers of 8x4; .* 16 experts, 4 of them here"):
        layers_asked_for([NARROW, RANK], LayerQuery(8, shape=(8, 4)))


def test_without_a_name_several_layers_are_listed() -> None:
    with pytest.raises(BadInput, match=r"has several layers; its layers are 8x4 \(tiny, .*16x4"):
        layers_asked_for([NARROW, WIDE], LayerQuery(8))


def test_a_layer_of_another_size_is_none_of_them() -> None:
    with pytest.raises(BadInput, match="no measured layer of 9x9; its layers are 8x4"):
        layers_asked_for([NARROW], LayerQuery(8, shape=(9, 9)))
    with pytest.raises(BadInput, match="no measured layer with top-3"):
        layers_asked_for([NARROW], LayerQuery(8, top_k=3))


def test_a_layer_of_single_kernels_is_left_to_their_sum() -> None:
    assert layers_asked_for([OLD], LayerQuery(8)) == ()
    assert layers_asked_for([NARROW, OLD], LayerQuery(8, shape=(32, 4))) == ()


PACKED = replace(NARROW, weight_format="fp8_block", group_size=128)
MXFP4 = replace(NARROW, weight_format="mxfp4", group_size=32)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"weight_format": "fp8_block"}, PACKED),
        ({"weight_format": "none"}, NARROW),
        ({"weight_format": "mxfp4", "weight_bits": 4}, MXFP4),
        ({"weight_bits": 4}, MXFP4),
        ({"weight_bits": 32}, NARROW),
    ],
)
def test_layers_are_told_apart_by_the_format_of_their_weights(
    asked: dict[str, Any], found: LayerSizes
) -> None:
    assert layers_asked_for([NARROW, PACKED, MXFP4], LayerQuery(8, **asked)) == (found,)


def test_without_a_format_several_are_listed_with_theirs() -> None:
    with pytest.raises(BadInput, match="float32, weights of fp8_block") as caught:
        layers_asked_for([PACKED, MXFP4], LayerQuery(8))
    assert "--weight-format" in str(caught.value.hint)
    with pytest.raises(BadInput, match="no kernel for weights of 'fp9'"):
        LayerQuery(8, weight_format="fp9")


def test_a_format_that_was_not_measured_is_refused_with_those_that_were() -> None:
    unmeasured = replace(NARROW, weight_format="mxfp4", group_size=32, parts=())
    with pytest.raises(BadInput, match="no measured layer on weights of mxfp4; its layers are 8x4"):
        layers_asked_for([NARROW, unmeasured], LayerQuery(8, weight_format="mxfp4"))


def test_integers_beside_a_layer_s_own_weights_are_offered_where_they_were_measured() -> None:
    beside = PartCurve("w13_act_packed", "w13_act_packed-8x4-int4", 4)
    layer = replace(NARROW, parts=(*PARTS, beside))
    for measured, offered in (({beside.curve}, True), (set(), False)):
        with pytest.raises(BadInput, match="no measured layer on weights of int4") as caught:
            layers_asked_for([layer], LayerQuery(8, weight_format="int4"), measured)
        assert ("--weight-bits 4" in caught.value.hint) is offered


def test_a_token_goes_to_one_expert_at_least() -> None:
    with pytest.raises(BadInput, match="top_k is 0"):
        LayerQuery(8, top_k=0)
