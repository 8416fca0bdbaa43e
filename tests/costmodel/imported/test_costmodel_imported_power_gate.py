"""Power is trusted where neighbours of one latency have one power."""

import os
from pathlib import Path

import pytest

from moeprof.costmodel.imported.power_gate import judge_power

Curve = list[tuple[int, float, float]]


def smooth(count: int = 20) -> Curve:
    return [(m, 10 + 0.01 * m, 300.0 + m) for m in range(1, count + 1)]


def test_a_smooth_curve_is_trusted() -> None:
    verdict = judge_power([smooth()])
    assert verdict.trusted
    assert (verdict.pairs, verdict.apart) == (19, 0)


def test_neighbours_of_one_latency_and_twice_the_power_are_not_trusted() -> None:
    erratic = [(m, t, p * (2 if m % 4 == 0 else 1)) for m, t, p in smooth()]
    verdict = judge_power([erratic])
    assert not verdict.trusted
    assert "differ in power by more than 10 %" in verdict.reason


def test_power_may_follow_a_step_of_time() -> None:
    steps = [(m, 10.0 * (1 + m // 5), 200.0 * (1 + m // 5)) for m in range(20)]
    assert judge_power([steps]).trusted


def test_one_jump_among_many_is_trusted_and_too_few_pairs_are_not() -> None:
    one = [(m, t, p * (1.5 if m > 10 else 1)) for m, t, p in smooth()]
    assert judge_power([one]).trusted
    few = judge_power([smooth(4)])
    assert not few.trusted
    assert few.reason == "its power cannot be checked: 3 neighbours of near-equal latency"


@pytest.mark.parametrize("name", ["aic_h200_gemm_bf16", "aic_h200_moe_bf16"])
def test_the_public_h200_tables_are_rejected(name: str) -> None:
    root = os.environ.get("MOEPROF_SAMPLE_DATA")
    if root is None:
        pytest.skip("MOEPROF_SAMPLE_DATA is not set")
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(Path(root) / "ops" / f"{name}.parquet")
    table = table[table.power_w.notna()]
    rows = [list(zip(g.m, g.t_us, g.power_w, strict=True)) for _, g in table.groupby("key")]
    assert not judge_power(rows).trusted
