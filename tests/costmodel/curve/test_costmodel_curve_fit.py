"""Curves pass through their knots, and steps lie at tile edges."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.curve.fit import (
    FITS,
    choose_fit,
    fit_error,
    fit_losses,
    interpolate,
    leave_one_out,
    log_jumps,
)
from moeprof.costmodel.curve.next_size import simulate_sampling
from moeprof.stats.arrays import Float64, Int64
from moeprof.store.cost_model import Fit


def ints(*sizes: int) -> Int64:
    return np.array(sizes, dtype=np.int64)


@st.composite
def knots(draw: st.DrawFn, fewest: int = 2) -> tuple[Int64, Float64]:
    sizes = draw(st.sets(st.integers(1, 2000), min_size=fewest, max_size=20))
    values = draw(
        st.lists(st.floats(0.01, 1e5), min_size=len(sizes), max_size=len(sizes)), label="values"
    )
    return np.array(sorted(sizes), dtype=np.int64), np.array(values)


@settings(max_examples=80)
@given(knots(), st.sampled_from(FITS))
def test_a_curve_passes_through_its_knots_exactly(curve: tuple[Int64, Float64], fit: Fit) -> None:
    tokens, values = curve
    assert interpolate(fit, tokens, values, tokens).tolist() == values.tolist()


@settings(max_examples=80)
@given(knots(), st.sampled_from(FITS))
def test_a_curve_stays_between_the_knots_around_it(curve: tuple[Int64, Float64], fit: Fit) -> None:
    tokens, values = curve
    sizes = np.arange(tokens[0], tokens[-1] + 1)
    predicted = interpolate(fit, tokens, values, sizes)
    right = np.clip(np.searchsorted(tokens, sizes), 1, len(tokens) - 1)
    low = np.minimum(values[right - 1], values[right])
    high = np.maximum(values[right - 1], values[right])
    assert (predicted > 0).all()
    assert ((low * (1 - 1e-12) <= predicted) & (predicted <= high * (1 + 1e-12))).all()


@settings(max_examples=40)
@given(knots(fewest=3), st.sampled_from(FITS))
def test_leave_one_out_is_the_fit_through_the_other_knots(
    curve: tuple[Int64, Float64], fit: Fit
) -> None:
    tokens, values = curve
    expected = [
        interpolate(fit, np.delete(tokens, i), np.delete(values, i), tokens[i : i + 1])[0]
        for i in range(1, len(tokens) - 1)
    ]
    assert leave_one_out(fit, tokens, values).tolist() == expected


def test_linear_is_the_straight_line() -> None:
    sizes = ints(1, 2, 3, 6, 11)
    predicted = interpolate("linear", ints(1, 11), np.array([10.0, 20.0]), sizes)
    assert predicted == pytest.approx([10, 11, 12, 15, 20])


@pytest.mark.parametrize(
    ("left", "right", "edge"),
    [(1, 74, 64), (65, 130, 128), (128, 200, 128), (100, 120, 112), (17, 33, 32), (48, 49, 48)],
)
def test_a_step_comes_after_the_multiple_of_the_largest_power_of_two(
    left: int, right: int, edge: int
) -> None:
    sizes = np.arange(left, right + 1)
    predicted = interpolate("step", ints(left, right), np.array([10.0, 20.0]), sizes)
    assert predicted.tolist() == [10.0 if size <= edge else 20.0 for size in sizes]


def test_a_bracket_that_is_flat_or_holds_no_edge_is_a_line() -> None:
    sizes = ints(34, 36, 40)
    for tokens, values in (
        (ints(33, 47), np.array([10.0, 20.0])),
        (ints(1, 74), np.array([10.0, 10.2])),
    ):
        step, line = (interpolate(fit, tokens, values, sizes) for fit in ("step", "linear"))
        assert step.tolist() == line.tolist()


def test_a_falling_bracket_is_a_line() -> None:
    sizes = ints(10, 64, 70, 300)
    for tokens in (ints(1, 74, 512), ints(1, 512)):
        values = np.linspace(20.0, 10.0, len(tokens))
        step, line = (interpolate(fit, tokens, values, sizes) for fit in ("step", "linear"))
        assert step.tolist() == line.tolist()


def test_a_wide_bracket_rises_once_per_tile() -> None:
    sizes = ints(128, 129, 256, 257, 384, 385, 512)
    predicted = interpolate("step", ints(128, 512), np.array([10.0, 40.0]), sizes)
    assert predicted == pytest.approx([10, 20, 20, 30, 30, 40, 40])


def chosen(tokens: Int64, values: Float64) -> Fit:
    return choose_fit(fit_losses(tokens, values))


def test_the_staircase_is_chosen_for_stairs_and_the_line_for_a_slope() -> None:
    tokens = ints(1, 32, 64, 65, 96, 128, 129, 160, 192, 224, 256)
    assert chosen(tokens, np.ceil(tokens / 64)) != "linear"
    assert chosen(tokens, np.add(tokens, 10.0)) == "linear"
    assert chosen(ints(1, 64), np.array([1.0, 2.0])) == "linear"


def test_an_unclear_curve_takes_the_fit_of_its_family_and_a_clear_one_its_own() -> None:
    stairs: dict[Fit, float] = {"linear": 1.0, "step": 0.2, "step64": 0.3}
    unclear: dict[Fit, float] = {"linear": 0.1, "step": 0.11, "step64": 0.12}
    slope: dict[Fit, float] = {"linear": 0.1, "step": 3.0, "step64": 3.0}
    assert choose_fit(unclear) == "linear"
    assert choose_fit(unclear, [stairs, stairs]) == "step"
    assert choose_fit(slope, [stairs, stairs]) == "linear"


def test_one_kernel_with_one_grid_is_a_line_whatever_the_fit() -> None:
    tokens, values, sizes = ints(1, 74), np.array([10.0, 20.0]), ints(10, 64, 70)
    line = interpolate("linear", tokens, values, sizes)
    assert interpolate("step", tokens, values, sizes, ints(0, 0)).tolist() == line.tolist()
    assert interpolate("step", tokens, values, sizes, ints(0, 1)).tolist() == [10, 10, 20]


def test_step64_rises_at_every_64_rows_in_a_wide_bracket() -> None:
    sizes = ints(64, 65, 128, 129, 192)
    predicted = interpolate("step64", ints(64, 192), np.array([10.0, 30.0]), sizes)
    assert predicted == pytest.approx([10, 20, 20, 30, 30])


def test_the_error_of_a_fit_is_over_the_inner_knots() -> None:
    error = fit_error("linear", ints(1, 3, 5), np.array([10.0, 20.0, 20.0]))
    assert error.n == 1
    assert [error.median, error.p95] == pytest.approx([0.25, 0.25])
    nothing = fit_error("linear", ints(1, 3), np.array([10.0, 20.0]))
    assert (nothing.n, nothing.median, nothing.p95) == (0, None, None)


def test_a_log_jump_is_that_of_the_bracket_and_zero_at_a_knot() -> None:
    jumps = log_jumps(ints(1, 10, 20), np.array([1.0, np.e, np.e]), ints(1, 5, 10, 15, 20))
    assert jumps == pytest.approx([0, 1, 0, 0, 0])


def sample_curves(name: str, ops: tuple[str, ...]) -> Iterator[tuple[Int64, Float64]]:
    """Public GEMM curves to 512 rows, whose clock resolves their shortest time."""
    root = os.environ.get("MOEPROF_SAMPLE_DATA")
    if root is None:
        pytest.skip("MOEPROF_SAMPLE_DATA is not set")
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(Path(root) / "ops" / f"{name}.parquet")
    table = table[table.op.isin(ops) & (table.m <= 512)].sort_values("m")
    for _, curve in table.groupby(["gpu", "op", "key"]):
        if len(curve) >= 20 and curve.t_us.min() >= (20 if name.startswith("vidur") else 0):
            yield curve.m.to_numpy(np.int64), curve.t_us.to_numpy(np.float64)


def held_out_errors(sizes: Int64, times: Float64, seed: int) -> dict[str, Float64]:
    """Errors on a random quarter of a curve, of fits to 24 points of the rest."""
    inner = np.arange(1, len(sizes) - 1)
    reserved = np.sort(np.random.default_rng(seed).choice(inner, len(sizes) // 4, replace=False))
    at = dict(zip(sizes.tolist(), times.tolist(), strict=True))
    measured = simulate_sampling(at, 24, domain=np.delete(sizes, reserved).tolist())
    tokens = np.array(sorted(measured), dtype=np.int64)
    values = np.array([measured[size] for size in tokens.tolist()])
    auto = chosen(tokens, values)
    return {
        name: np.abs(interpolate(fit, tokens, values, sizes[reserved]) / times[reserved] - 1)
        for name, fit in (("auto", auto), ("linear", "linear"))
    }


@pytest.mark.parametrize(
    ("name", "ops"),
    [
        ("vidur_a100", ("mlp_up_proj", "mlp_down_proj")),
        ("llmservingsim_gemm", ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")),
    ],
)
def test_24_points_predict_public_gemm_curves(name: str, ops: tuple[str, ...]) -> None:
    errors = [held_out_errors(*curve, seed) for seed, curve in enumerate(sample_curves(name, ops))]
    assert len(errors) >= 20
    of_fit = {fit: [np.quantile(e[fit], [0.5, 0.95]) for e in errors] for fit in ("auto", "linear")}
    median, p95 = np.median(of_fit["auto"], axis=0)
    assert median <= 0.011
    assert p95 <= 0.06
    assert median <= 1.1 * np.median(of_fit["linear"], axis=0)[0]
