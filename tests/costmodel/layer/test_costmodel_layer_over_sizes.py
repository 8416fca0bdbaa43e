"""A layer over batch size, at sizes at which it was measured as one unit."""

import pytest

from moeprof.costmodel.layer.over_sizes import over_sizes
from moeprof.tests.costmodel.layer.gated_models import PARTS, SIZES, gated_file, unit_us


def test_each_routing_of_a_layer_has_its_costs_at_measured_sizes_from_end_to_end() -> None:
    found = over_sizes(gated_file("uniform", "zipf:1"), most=4)
    assert [layer.routing for layer, _ in found] == ["uniform", "zipf:1"]
    for layer, costs in found:
        sizes = [cost.tokens for cost in costs]
        assert (sizes[0], sizes[-1], len(sizes)) == (SIZES[0], SIZES[-1], 4)
        assert set(sizes) <= set(SIZES)
        for cost in costs:
            assert cost.unit is not None
            assert cost.unit.measured
            assert cost.unit.latency_us == pytest.approx(unit_us(layer, cost.tokens), rel=1e-3)


def test_without_the_unit_sizes_are_those_that_all_parts_cover() -> None:
    ((_, costs),) = over_sizes(gated_file("uniform", without=["moe_layer"]), most=3)
    assert [cost.tokens for cost in costs] == [1, 11, 128]
    assert {cost.difference_reason for cost in costs} != {None}


def test_a_part_that_was_not_measured_is_named_and_a_layer_without_any_left_out() -> None:
    ((_, costs),) = over_sizes(gated_file("uniform", without=["permute"]), most=2)
    assert costs[0].missing == ("permute: not among the operations",)
    assert over_sizes(gated_file("uniform", without=PARTS), most=2) == ()
