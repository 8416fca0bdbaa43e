"""Energy of a surface: energy and times are interpolated, and power is their quotient."""

from collections.abc import Callable
from math import log2
from typing import Any

import pytest

from moeprof.costmodel.surface.costs import SurfaceCosts
from moeprof.costmodel.surface.energy import power_drawn
from moeprof.costmodel.surface.fit import fit_surface
from moeprof.energy.point_energies import NO_ANCHOR
from moeprof.store.cost_model import Pole, SurfaceModel, Thermal, ThermalResponse
from moeprof.tests.builders import NO_COUNTER
from moeprof.tests.costmodel.surface.test_costmodel_surface_fit import POINTS, moe_us, point

IDLE_W = 80.0
RATIO = 1.25


def power_w(tokens: int, experts: int) -> float:
    """Linear in tokens, and in the logarithm of the experts."""
    return 200.0 + 0.1 * tokens + 30 * log2(experts)


def metered(row: dict[str, Any]) -> dict[str, Any]:
    tokens, experts = row["tokens"], row["active_experts"]
    sustained_us = RATIO * row["latency_us"]
    return row | {
        "energy_mj": power_w(tokens, experts) * sustained_us / 1000,
        "energy_mj_ci95": 0.002 * power_w(tokens, experts) * sustained_us / 1000,
        "energy_source": "nvml_counter",
        "latency_sustained_us": sustained_us,
        "idle_power_w": IDLE_W,
    }


def a_surface(*, but: tuple[tuple[int, int], ...] = ()) -> SurfaceModel:
    """Fit all points; those named in `but` were not metered."""
    reason = {"energy_reason": NO_ANCHOR}
    rows = [
        row | reason if (row["tokens"], row["active_experts"]) in but else metered(row)
        for row in POINTS
    ]
    return fit_surface("moe", rows)


def test_at_a_metered_point_the_energy_is_the_measured_one() -> None:
    cost = SurfaceCosts(a_surface()).cost(32, 8)
    assert cost.energy_mj == pytest.approx(power_w(32, 8) * RATIO * moe_us(32, 8) / 1000, rel=1e-5)
    assert cost.power_w == pytest.approx(power_w(32, 8), rel=1e-5)
    assert (cost.energy_source, cost.energy_reason) == ("nvml_counter", None)
    assert cost.energy_mj is not None
    assert cost.energy_mj_lo is not None
    assert cost.energy_mj_hi is not None
    assert cost.energy_mj_lo < cost.energy_mj < cost.energy_mj_hi


def between(values: Callable[[int, int], float], *corners: tuple[float, int, int]) -> float:
    """Mean of the values at some (weight, tokens, experts)."""
    return sum(weight * values(*where) for weight, *where in corners)


@pytest.mark.parametrize(
    ("tokens", "experts", "corners"),
    [
        (64, 8, [(2 / 3, 32, 8), (1 / 3, 128, 8)]),
        (32, 10, [(1 - log2(10 / 8), 32, 8), (log2(10 / 8), 32, 16)]),
    ],
)
def test_between_them_energy_and_times_are_interpolated(
    tokens: int, experts: int, corners: list[tuple[float, int, int]]
) -> None:
    cost = SurfaceCosts(a_surface()).cost(tokens, experts)
    energy = between(lambda b, e: power_w(b, e) * moe_us(b, e), *corners)
    expected_w = energy / between(moe_us, *corners)
    assert cost.power_w == pytest.approx(expected_w, rel=1e-5)
    assert cost.energy_mj == pytest.approx(expected_w * RATIO * cost.latency_us / 1000, rel=1e-5)


def test_a_point_that_was_not_metered_lies_between_those_that_were() -> None:
    surface = a_surface(but=((32, 8), (128, 4)))
    assert surface.energy_knots == (0, 1, 2, 3, 5, 7, 8, 9, 10, 11)
    cost = SurfaceCosts(surface).cost(32, 8)
    assert cost.measured
    assert cost.power_w == pytest.approx(power_w(32, 8), rel=0.01)


def test_beyond_the_metered_points_energy_is_none_with_the_reason() -> None:
    surface = a_surface(but=((512, 4), (512, 8), (512, 16)))
    cost = SurfaceCosts(surface).cost(200, 8)
    assert (cost.energy_mj, cost.power_w, cost.energy_source) == (None, None, "unavailable")
    assert cost.energy_reason == f"3 of 12 points lack it: {NO_ANCHOR}"


def test_an_unmetered_corner_has_no_energy() -> None:
    costs = SurfaceCosts(a_surface(but=((512, 16), (128, 16))))
    for tokens, experts in ((512, 16), (512, 12), (128, 12), (40, 16)):
        cost = costs.cost(tokens, experts)
        assert (cost.energy_mj, cost.energy_source) == (None, "unavailable")
        assert str(cost.energy_reason).startswith("2 of 12 points lack it")
    assert costs.cost(512, 8).energy_mj is not None
    assert costs.cost(32, 12).energy_mj is not None


def test_below_the_tokens_that_reach_so_many_experts_their_first_power_is_taken() -> None:
    rows = [*POINTS, *(point(tokens, 32) for tokens in (32, 128, 512))]
    cost = SurfaceCosts(fit_surface("moe", list(map(metered, rows)))).cost(12, 20)
    assert cost.power_w is not None
    assert power_w(12, 16) < cost.power_w < power_w(32, 32)


def test_beyond_the_domain_power_is_constant_as_on_a_curve() -> None:
    cost = SurfaceCosts(a_surface()).cost(1024, 8)
    assert cost.extrapolated
    assert cost.power_w == pytest.approx(power_w(512, 8), rel=1e-5)


def test_a_surface_without_energy_has_the_reason() -> None:
    points = [row | {"energy_reason": NO_COUNTER} for row in POINTS]
    surface = fit_surface("moe", points)
    assert (surface.energy_mj, surface.energy_source) == (None, "unavailable")
    assert surface.energy_reason == NO_COUNTER
    assert power_drawn(surface, 32, 8) is None


def test_the_leave_one_out_error_widens_the_interval_between_points() -> None:
    surface = a_surface()
    assert surface.power_error is not None
    assert surface.power_error.p95 is not None
    assert surface.power_error.n == len(POINTS)
    at_point, between = power_drawn(surface, 32, 8), power_drawn(surface, 20, 6)
    assert at_point is not None
    assert between is not None
    assert at_point[2] == pytest.approx(0.002, rel=1e-3)
    assert between[2] >= surface.power_error.p95


def test_heat_follows_the_power_above_idle() -> None:
    step = ThermalResponse((Pole(3.0, 0.05),), inlet_c=30.0, rmse_c=0.3, hot_s=120.0)
    cost = SurfaceCosts(a_surface(), Thermal(0.05, 10, step)).cost(32, 8)
    assert cost.temp_rise_c == pytest.approx(0.05 * (power_w(32, 8) - IDLE_W), rel=1e-4)
