"""A model whose sizes contradict each other is refused."""

from dataclasses import replace
from typing import Any

import pytest

from moeprof.store.errors import BadInput
from moeprof.store.serving.whole_model import Experts, WholeModel

DENSE = WholeModel("a", 4, 64, 4, 4, 16, 256, 1000, full_layers=4)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"experts": Experts(8, 9, 64, layers=4)}, "9 of 8 experts"),
        ({"experts": Experts(8, 2, 64, layers=5)}, "5 of 4 layers"),
        ({"full_layers": 5}, "5 of 4 layers"),
        ({"full_layers": 2}, "a part of the context"),
    ],
)
def test_contradicting_sizes_are_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        replace(DENSE, **change)


def test_layers_are_counted_by_kind() -> None:
    model = replace(DENSE, full_layers=1, window_tokens=8, experts=Experts(8, 2, 64, layers=3))
    assert (model.moe_layers, model.window_layers, model.dense_layers) == (3, 3, 1)
    assert model.parts == 8
