"""A scenario's slugs say what it is: points of one curve share one, and no two keys are alike."""

from dataclasses import replace

import pytest

from moeprof.store.scenario import BURST, SUSTAINED, OpKey, Scenario, SurfaceKey
from moeprof.store.tables.schemas import SCHEMAS

FC1 = Scenario("fc1", 37, (4096, 14336), "bfloat16", flops=1, bytes_moved=1)
MOE = replace(
    FC1,
    op="experts",
    dtype="int4",
    weight_bits=4,
    group_size=128,
    experts=64,
    active_experts=12,
    top_k=6,
    l2="hot",
)


def test_slugs_read_as_what_they_name() -> None:
    assert FC1.curve == "fc1-4096x14336-bf16-cold"
    assert FC1.key == "fc1-b37-4096x14336-bf16-cold"
    assert MOE.curve == "experts-4096x14336-int4-w4-g128-e64-a12-k6-hot"
    assert replace(FC1, shape=()).curve == "fc1-bf16-cold"


def test_the_points_of_a_curve_differ_in_their_key_alone() -> None:
    assert replace(FC1, tokens=38).curve == FC1.curve
    assert replace(FC1, tokens=38).key != FC1.key


@pytest.mark.parametrize(
    "change",
    [
        {"op": "fc2"},
        {"shape": (4096, 14337)},
        {"dtype": "float16"},
        {"weight_bits": 8},
        {"group_size": 64},
        {"experts": 8},
        {"active_experts": 8},
        {"top_k": 2},
        {"l2": "cold"},
        {"variant": "zipf1.2"},
    ],
)
def test_whatever_decides_the_cost_changes_the_curve(change: dict[str, object]) -> None:
    assert replace(MOE, **change).curve != MOE.curve  # type: ignore[arg-type]


def test_the_fields_of_an_op_key_are_columns_of_points() -> None:
    assert set(OpKey.names()) <= set(SCHEMAS["points"].names)
    assert set(OpKey.names()) - set(SurfaceKey.names()) == {"active_experts"}


def test_scenarios_of_one_curve_have_one_op_key() -> None:
    small, large = (
        Scenario("fc1", tokens, (8, 4), "float32", flops=tokens, bytes_moved=tokens)
        for tokens in (1, 64)
    )
    assert small.op_key(BURST) == large.op_key(BURST) != large.op_key(SUSTAINED)
    assert small.op_key(BURST).columns()["shape"] == (8, 4)
