"""A model whose sizes contradict each other is refused."""

from dataclasses import replace
from typing import Any

import pytest

from moeprof.store.errors import BadInput
from moeprof.store.serving.whole_model import Experts, StateLayers, WholeModel

DENSE = WholeModel("a", 4, 64, 4, 4, 16, 256, 1000, full_layers=4)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"experts": Experts(8, 9, 64, layers=4)}, "9 of 8 experts"),
        ({"experts": Experts(8, 2, 64, layers=5)}, "5 of 4 layers"),
        ({"full_layers": 5}, "5 of 4 layers"),
        ({"full_layers": 2}, "a part of the context"),
        ({"states": StateLayers("mamba 2", 5, 1)}, "a state in 5 of 4 layers"),
        (
            {"ffn_apart": True, "full_layers": 2, "experts": Experts(8, 2, 64, layers=3)},
            "more parts than its 4 layers",
        ),
        ({"kv_heads": 0}, "attention without heads"),
        ({"vocabulary": 0}, "a vocabulary without a size"),
        ({"head_dim": -16}, "head_dim -16"),
        ({"experts": Experts(8, 2, 10**14, layers=4)}, r"intermediate_size 1e\+14"),
    ],
)
def test_contradicting_sizes_are_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        replace(DENSE, **change)


def test_layers_are_counted_by_kind() -> None:
    model = replace(DENSE, full_layers=1, window_tokens=8, experts=Experts(8, 2, 64, layers=3))
    assert (model.moe_layers, model.window_layers, model.dense_layers) == (3, 3, 1)
    assert model.parts == 8


def test_layers_of_one_part_each_are_told_by_what_is_left() -> None:
    """Of six layers one is attention, two keep a state, and three are networks."""
    states = StateLayers("mamba 2", 2, 1)
    model = replace(DENSE, layers=6, full_layers=1, states=states, ffn_apart=True)
    assert (model.attention_layers, model.dense_layers, model.parts) == (1, 3, 6)


def test_a_layer_may_attend_and_keep_a_state() -> None:
    model = replace(DENSE, states=StateLayers("mamba 2", 4, 1))
    assert (model.attention_layers, model.state_layers, model.parts) == (4, 4, 12)
