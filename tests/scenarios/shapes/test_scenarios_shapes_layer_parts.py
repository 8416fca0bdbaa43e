"""The curves of a layer's parts are those that its operations are measured under."""

from dataclasses import replace

import pytest

from moeprof.scenarios.catalogue import layer_of
from moeprof.scenarios.preset import PRESETS, load_preset
from moeprof.scenarios.shapes.layer_parts import layer_sizes, parts_of, routed_of, unit_of

SMALL = load_preset("small")


@pytest.mark.parametrize("name", PRESETS)
def test_every_operation_of_a_layer_is_a_part_or_the_unit(name: str) -> None:
    preset = load_preset(name)
    measured = [one.scenario(preset, 8, preset.dtype, "cold").curve for one in layer_of(preset)]
    parts = [one.curve for one in parts_of(preset, "cold") if one.weight_bits is None]
    unit = unit_of(preset, "cold")
    assert [*parts, *([] if unit is None else [unit])] == measured


def test_a_dense_layer_has_no_unit_and_nothing_that_computes_routed_experts() -> None:
    dense = load_preset("llama-3.1-8b")
    assert unit_of(dense, "cold") is None
    assert routed_of(dense, "cold") == ()
    assert routed_of(SMALL, "cold") != ()


def test_packed_weights_stand_beside_what_they_replace() -> None:
    bits = {one.op: one.weight_bits for one in parts_of(SMALL, "cold")}
    assert (bits["w13_act_packed"], bits["w2_packed"], bits["w13_grouped"]) == (4, 4, None)
    unpacked = replace(SMALL, weight_bits=16)
    assert all(one.weight_bits is None for one in parts_of(unpacked, "cold"))


def test_a_layer_of_packed_weights_is_one_of_its_own_with_its_own_unit() -> None:
    packs = replace(SMALL, weight_format="fp8_block", weight_bits=8, group_size=128)
    measured = [one.scenario(packs, 8, "float32", "cold").curve for one in layer_of(packs)]
    parts = [one.curve for one in parts_of(packs, "cold")]
    assert [*parts, unit_of(packs, "cold")] == measured
    sizes = layer_sizes(packs)
    assert (sizes.weight_format, sizes.group_size) == ("fp8_block", 128)
    assert not sizes.same_but_routing(layer_sizes(SMALL))
    channel = layer_sizes(replace(packs, weight_format="fp8_channel"))
    assert (channel.weight_format, channel.group_size) == ("fp8_channel", None)


def test_a_rank_has_no_unit_and_says_how_many_share_its_layer() -> None:
    rank = replace(SMALL, local_experts=4, tensor_parallel=2)
    assert unit_of(rank, "cold") is None
    sizes = layer_sizes(rank)
    assert (sizes.ranks, sizes.held_experts, sizes.tensor_parallel) == (4, 4, 2)


def test_layers_that_differ_in_their_routing_alone_are_told_so() -> None:
    one, other = layer_sizes(SMALL), layer_sizes(replace(SMALL, routing="zipf:1.2"))
    assert one != other
    assert one.same_but_routing(other)
    assert not one.same_but_routing(layer_sizes(replace(SMALL, router="topk_sigmoid")))
    assert not one.same_but_routing(layer_sizes(replace(SMALL, hidden=1024)))
