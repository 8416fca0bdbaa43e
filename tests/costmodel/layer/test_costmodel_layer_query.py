"""What may be asked of a layer: whole numbers, words, a list of sizes."""

from typing import Any

import pytest

from moeprof.costmodel.layer.query import LayerQuery
from moeprof.store.errors import BadInput


@pytest.mark.parametrize(
    "given",
    [{"top_k": 2.0}, {"active_experts": "4"}, {"weight_bits": True}, {"routing": 1}, {"shape": 8}],
)
def test_another_type_is_refused_by_name(given: dict[str, Any]) -> None:
    (name,) = given
    with pytest.raises(BadInput, match=f"{name} is "):
        LayerQuery(8, **given)


def test_operations_that_are_named_replace_the_layers_own() -> None:
    assert LayerQuery(8, router_ops=()).names_operations
    assert not LayerQuery(8, routing="uniform").names_operations
