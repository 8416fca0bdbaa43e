"""Routing options and what they refuse."""

from typing import Any

import pytest

from moeprof.kernels.routing import BY_GROUP, NAMED, PLAIN, Routing, named_routing
from moeprof.scenarios.preset import BY_GROUP as GROUPED_ROUTERS
from moeprof.scenarios.preset import ROUTERS
from moeprof.store.errors import BadInput


def test_plain_routing_is_the_softmax_over_the_picked() -> None:
    assert PLAIN == Routing("picked", renormalise=False, scale=1.0, groups=1, kept_groups=1)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"scores": "relu"}, "'relu'"),
        ({"groups": 2, "kept_groups": 3}, r"kept_groups is 3, and must lie in 1\.\.2"),
        ({"groups": 0, "kept_groups": 0}, "groups is 0, and must be a positive integer"),
        ({"groups": 2.0}, "groups is 2.0"),
        ({"scale": float("nan")}, "scale is nan, and must be a finite float32"),
        ({"scale": float("-inf")}, "scale is -inf"),
        ({"scale": 1e39}, "scale is 1e.39"),
        ({"scale": None}, "scale is None"),
        ({"scale": "2"}, "scale is '2', and must be a finite float32"),
    ],
)
def test_a_routing_of_invalid_values_is_refused(values: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        Routing(**values)


def test_the_routers_of_presets_are_those_with_a_name_here() -> None:
    assert (tuple(NAMED), BY_GROUP) == (ROUTERS, GROUPED_ROUTERS)


def test_only_routers_by_group_take_groups() -> None:
    assert named_routing("topk", 8, 4) == Routing()
    assert named_routing("topk_biased", 8, 4) == Routing("sigmoid", True, 2.5, 8, 4)
