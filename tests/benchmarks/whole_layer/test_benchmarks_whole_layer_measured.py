"""Points of the parts of a layer: each in two turns, with the key that the product gives it."""

from dataclasses import replace

import pytest

from moeprof.benchmarks.whole_layer.measured import Asked, measured, scaled_down
from moeprof.scenarios.catalogue import layer_of
from moeprof.scenarios.preset import load_preset
from moeprof.store.plan import Role

TINY = replace(load_preset("small"), hidden=16, ffn=16, experts=8, group_size=8, shared_ffn=16)


def test_each_operation_has_a_point_at_each_size() -> None:
    asked = [Asked(one, TINY, size, Role.FIT) for one in layer_of(TINY) for size in (1, 3)]
    rows = measured(asked, seed=0, turn_s=0.0).to_pylist()
    assert [(row["op"], row["tokens"]) for row in rows] == [
        (one.operation.name, one.tokens) for one in asked
    ]
    for one, row in zip(asked, rows, strict=True):
        assert row["curve"] == one.operation.scenario(TINY, 1, "float32", "cold").curve
        assert 0 < row["latency_us_lo"] <= row["latency_us"] <= row["latency_us_hi"]
        assert row["turns_apart"] is not None


@pytest.mark.parametrize(
    ("name", "router"), [("mixtral-8x7b", "topk"), ("deepseek-v3", "topk_biased")]
)
def test_a_layer_that_is_scaled_down_keeps_its_router_and_its_picks(name: str, router: str) -> None:
    small, whole = scaled_down()[name], load_preset(name)
    assert (small.router, small.top_k, small.activation) == (router, whole.top_k, whole.activation)
    assert (small.shared_ffn is None) == (whole.shared_ffn is None)
