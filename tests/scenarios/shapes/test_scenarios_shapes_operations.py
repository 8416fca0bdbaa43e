"""The operations of several layers: each curve once, told apart by sizes and never by names."""

from dataclasses import replace

import pytest

from moeprof.scenarios.catalogue import find_ops
from moeprof.scenarios.preset import Preset, load_preset
from moeprof.scenarios.run_options import RunOptions
from moeprof.scenarios.shapes.operations import check_options_are_read, operations_at
from moeprof.store.errors import BadInput

SMALL = load_preset("small")
NARROW = replace(SMALL, hidden=256)


def _names(*layers: Preset, ops: str = "fc1,gelu,topk") -> list[str]:
    return [one.name for one in operations_at(layers, lambda _: find_ops(ops), "cold")]


def test_one_layer_leaves_operations_as_they_are() -> None:
    assert operations_at([SMALL], lambda _: find_ops("all"), "cold") == tuple(find_ops("all"))


def test_what_reads_other_sizes_is_measured_at_each_and_the_rest_once() -> None:
    assert _names(NARROW, SMALL) == [
        "fc1_256x1024_fp32_cold", "gelu", "topk", "fc1_512x1024_fp32_cold",
    ]  # fmt: skip


def test_layers_of_one_name_are_told_apart_and_those_of_one_size_are_not() -> None:
    other = replace(SMALL, ffn=2048)
    assert other.name == SMALL.name
    assert len(_names(SMALL, other)) == 5  # fc1 and gelu twice, topk once
    assert _names(SMALL, replace(SMALL, name="other")) == ["fc1", "gelu", "topk"]


def test_every_operation_knows_its_layer() -> None:
    ops = operations_at([NARROW, SMALL], lambda _: find_ops("fc1,topk"), "cold")
    assert [one.preset for one in ops] == [None, None, SMALL]


def test_weights_that_are_not_packed_have_no_operations_on_packed_ones() -> None:
    unpacked = replace(SMALL, weight_bits=16)
    both = "fc1,dequant_linear"
    assert _names(unpacked, ops=both) == ["fc1"]
    assert _names(SMALL, unpacked, ops=both) == ["fc1", "dequant_linear"]
    with pytest.raises(
        BadInput, match=r"weights of small are not packed.*: dequant_linear"
    ) as caught:
        _names(unpacked, ops="dequant_linear")
    assert "--weight-format int4" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "refusal", "way_out"),
    [
        (
            {"weight_format": "int4,none"},
            "--weight-format is for operations on packed weights",
            "--ops layer",
        ),
        (
            {"weight_bits": "8"},
            "--weight-bits is for operations on packed .* fc1, topk",
            "--ops layer has such by --weight-format",
        ),
        ({"routing": "zipf:1"}, "--routing is for operations on routed tokens", "several experts"),
    ],
)
def test_weights_and_a_routing_that_no_operation_reads_are_refused(
    options: dict[str, str], refusal: str, way_out: str
) -> None:
    with pytest.raises(BadInput, match=refusal) as caught:
        check_options_are_read(RunOptions(**options), find_ops("fc1,topk"))  # type: ignore[arg-type]
    assert way_out in caught.value.hint
    check_options_are_read(RunOptions(**options), find_ops("w2_packed"))  # type: ignore[arg-type]


def test_weights_that_are_not_packed_may_be_named_for_any_operation() -> None:
    for options in (RunOptions(), RunOptions(weight_format="none"), RunOptions(weight_bits="16")):
        check_options_are_read(options, find_ops("fc1,topk"))


def test_a_rank_has_the_parts_of_its_layer_and_not_the_layer_as_a_unit() -> None:
    rank = replace(SMALL, local_experts=4)
    assert _names(rank, ops="w13_grouped,w2_grouped") == ["w13_grouped", "w2_grouped"]
    with pytest.raises(BadInput, match="moe_layer routes to every expert, and small holds 4 of 16"):
        _names(rank, ops="moe_layer")
    with pytest.raises(BadInput, match="routed_experts routes to every expert"):
        _names(rank, ops="routed_experts")


def test_the_experts_of_one_rank_are_those_that_it_holds() -> None:
    rank = replace(SMALL, local_experts=4)
    ops = operations_at([rank], lambda _: find_ops("experts,topk"), "cold")
    scenarios = [one.operation.scenario(rank, 64, "float32", "cold") for one in ops]
    assert [(one.experts, one.active_experts) for one in scenarios] == [
        (16, 2), (16, 3), (16, 4), (16, None),
    ]  # fmt: skip
