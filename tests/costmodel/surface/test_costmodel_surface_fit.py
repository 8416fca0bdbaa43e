"""A surface is fitted to the points of a routed operation, with intervals from calibration."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moeprof.costmodel.surface.fit import can_fit, fit_surface, left_out_errors
from moeprof.costmodel.surface.prediction import evaluate

TOP_K = 2


def moe_us(tokens: int, experts: int) -> float:
    return 3.0 + 6 * experts + 0.1 * tokens + 0.2 * max(0, tokens * TOP_K / experts - 16)


def point(tokens: int, experts: int) -> dict[str, Any]:
    names = (
        *("weight_bits", "group_size", "variant", "latency_us_lo", "latency_us_hi", "marks"),
        *("energy_mj", "energy_mj_ci95", "energy_reason", "idle_power_w"),
    )
    return dict.fromkeys(names) | {
        "op": "moe",
        "shape": [64, 32],
        "dtype": "bfloat16",
        "experts": 32,
        "active_experts": experts,
        "top_k": TOP_K,
        "l2": "cold",
        "regime": "burst",
        "latency_source": "kernel",
        "tokens": tokens,
        "latency_us": moe_us(tokens, experts),
    }


POINTS = [point(b, a) for b in (8, 32, 128, 512) for a in (4, 8, 16)]


def test_points_that_span_no_surface_cannot_be_fitted() -> None:
    assert can_fit(POINTS)
    assert not can_fit(POINTS[:5])
    assert not can_fit([point(b, 4) for b in range(1, 9)])
    assert not can_fit([point(8, a) for a in range(1, 9)])


def test_left_out_points_of_a_public_table_are_predicted() -> None:
    root = os.environ.get("MOEPROF_SAMPLE_DATA")
    if root is None:
        pytest.skip("MOEPROF_SAMPLE_DATA is not set")
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(Path(root) / "ops" / "llmservingsim_moe_2d.parquet")
    columns = (table.m.to_numpy(), table.activated_experts.to_numpy(), table.t_us.to_numpy())
    errors = np.expm1(left_out_errors(*columns, int(table.topk.iloc[0])))
    assert np.median(errors) <= 0.045
    assert np.quantile(errors, 0.95) <= 0.16


def test_intervals_come_from_enough_calibration_points() -> None:
    unseen = [point(b, a) for b in (16, 64, 100, 200, 300) for a in (5, 8, 12, 16)]
    off = [row | {"latency_us": 1.1 * row["latency_us"]} for row in unseen]
    calibrated, few = fit_surface("moe", POINTS, off), fit_surface("moe", POINTS, off[:10])
    assert calibrated.half_widths["95"] == pytest.approx(np.log(1.1), abs=0.01)
    assert few.half_widths == fit_surface("moe", sorted_points([*POINTS, *off[:10]])).half_widths


def test_calibration_points_become_knots() -> None:
    off = point(16, 5) | {"latency_us": 200.0}
    surface = fit_surface("moe", POINTS, [off])
    assert len(surface.latency_us) == len(POINTS) + 1
    assert evaluate(surface, 16, 5) == pytest.approx(200)


def sorted_points(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(points, key=lambda one: (one["tokens"], one["active_experts"]))
