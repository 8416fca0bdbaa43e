"""A layer is the sum of its kernels, with shares per token and per assignment."""

from dataclasses import replace
from math import hypot, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.cost import Cost
from moeprof.costmodel.curve.scores import Scored, score_curves
from moeprof.costmodel.layer.cost import LayerPart, check_routing, compose, expert_loads
from moeprof.stats.arrays import Float64
from moeprof.store.cost_model import IntervalScores
from moeprof.store.errors import BadInput
from moeprof.store.scenario import OpKey


def cost(op: str, latency_us: float, energy_mj: float | None = None) -> Cost:
    return Cost(
        op=op,
        tokens=4,
        latency_us=latency_us,
        latency_us_lo=latency_us - 3,
        latency_us_hi=latency_us + 4,
        energy_mj=energy_mj,
        energy_mj_lo=None if energy_mj is None else 0.7 * energy_mj,
        energy_mj_hi=None if energy_mj is None else 1.4 * energy_mj,
        power_w=None,
        temp_rise_c=None,
        energy_source="unavailable",
        energy_reason="no meter",
        source="kernel",
        measured=True,
        extrapolated=False,
    )


def scores(shared: float, turns_95: float | None = None) -> IntervalScores:
    return IntervalScores("any", 0, {}, shared=shared, turns_95=turns_95)


@settings(max_examples=60)
@given(st.integers(1, 600), st.integers(1, 8), st.integers(0, 5000))
def test_every_assignment_lands_on_an_active_expert(tokens: int, top_k: int, draw: int) -> None:
    active = top_k + draw % (tokens * top_k - top_k + 1)
    loads = expert_loads(tokens, top_k, active)
    assert sum(rows * experts for rows, experts in loads.items()) == tokens * top_k
    assert sum(loads.values()) == active
    assert max(loads) - min(loads) <= 1
    assert min(loads) >= 1


@pytest.mark.parametrize(
    ("tokens", "top_k", "active"), [(4, 2, 1), (4, 2, 9), (0, 2, 2), (4, 0, 1)]
)
def test_impossible_counts_are_refused(tokens: int, top_k: int, active: int) -> None:
    with pytest.raises(BadInput):
        expert_loads(tokens, top_k, active)


def router(experts: int | None, top_k: int | None) -> OpKey:
    return OpKey(
        op="topk", shape=(), dtype="float32", weight_bits=None, group_size=None, experts=experts,
        top_k=top_k, l2="cold", regime="burst", active_experts=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("top_k", "active", "words"),
    [(2, 17, "17 active experts cannot be"), (4, 16, "top_k is 4, and topk was measured with 2")],
)
def test_a_routing_other_than_the_measured_one_is_refused(
    top_k: int, active: int, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        check_routing(router(16, 2), top_k, active)


@pytest.mark.parametrize("known", [(16, 2), (None, None)])
def test_the_measured_routing_is_taken_and_any_where_none_is_known(
    known: tuple[int | None, int | None],
) -> None:
    check_routing(router(*known), 2, 16)


@pytest.mark.parametrize(("shared", "of_one"), [(0.0, 2**0.5), (0.5, 3**0.5), (1.0, 2.0)])
def test_times_add_up_and_errors_as_far_as_operations_share_them(
    shared: float, of_one: float
) -> None:
    parts = [LayerPart(cost("topk", 10.0, 1.0), 1), LayerPart(cost("fc1", 20.0, 2.0), 1)]
    layer = compose(8, 2, 4, parts, scores(shared))
    assert (layer.latency_us, layer.energy_mj) == (30.0, 3.0)
    assert layer.latency_us_lo == pytest.approx(30 - 3 * of_one)
    assert layer.latency_us_hi == pytest.approx(30 + 4 * of_one)
    assert not layer.estimated


@pytest.mark.parametrize(("shared", "of_one"), [(0.0, 5**0.5), (1.0, 3.0)])
def test_energies_have_the_interval_of_a_sum_too(shared: float, of_one: float) -> None:
    parts = [LayerPart(cost("topk", 10.0, 1.0), 1), LayerPart(cost("fc1", 20.0, 2.0), 1)]
    layer = compose(8, 2, 4, parts, scores(shared))
    assert layer.energy_mj_lo == pytest.approx(3 - 0.3 * of_one)
    assert layer.energy_mj_hi == pytest.approx(3 + 0.4 * of_one)
    assert layer.energy_interval_reason is None


def test_a_part_whose_energy_has_no_interval_is_named() -> None:
    between = replace(cost("fc1", 20.0, 2.0), energy_mj_lo=None, energy_mj_hi=None)
    layer = compose(
        8, 2, 4, [LayerPart(cost("topk", 10.0, 1.0), 1), LayerPart(between, 1)], scores(0)
    )
    assert (layer.energy_mj, layer.energy_mj_lo, layer.energy_mj_hi) == (3.0, None, None)
    assert layer.energy_interval_reason == "fc1: the error of its energy is not known"


def test_what_operations_owe_to_the_moment_of_the_measurement_adds_up() -> None:
    parts = [LayerPart(cost("topk", 10.0, 1.0), 1), LayerPart(cost("fc1", 20.0, 2.0), 1)]
    layer = compose(8, 2, 4, parts, scores(0.0, turns_95=0.06))
    own_us = hypot(sqrt(3**2 - 0.6**2), sqrt(3**2 - 1.2**2))
    assert layer.latency_us_lo == pytest.approx(30 - hypot(own_us, 1.8))


def test_errors_of_calls_of_one_operation_add_up() -> None:
    layer = compose(8, 2, 4, [LayerPart(cost("fc1", 20.0), 4)], scores(0.2))
    assert (layer.latency_us_lo, layer.latency_us_hi) == pytest.approx((68.0, 96.0))
    assert (layer.energy_mj, layer.energy_reason) == (None, "fc1: no meter")


def test_shares_of_a_token_and_of_an_assignment_differ_by_top_k() -> None:
    layer = compose(8, 2, 4, [LayerPart(cost("fc1", 20.0, 2.0), 4)], scores(0.2))
    assert (layer.tokens, layer.assignments) == (8, 16)
    assert layer.latency_us_per_token == 10.0
    assert layer.latency_us_per_assignment == 5.0
    assert layer.energy_mj_per_token == 1.0
    assert layer.energy_mj_per_assignment == 0.5


def errors(random: np.random.Generator, common: float, count: int) -> Float64:
    """|log| errors of seven operations at `count` sizes in one moment, [7, count], of 2 %.

    The part `common` of their variance is that of the moment.
    """
    moment = random.normal(0, np.sqrt(common))
    return 0.02 * (moment + random.normal(0, np.sqrt(1 - common), (7, count)))


def flat_curve(knots: Float64, calibration: Float64) -> Scored:
    """A curve of 100 us with these errors [24] at its knots, [8] at its calibration sizes."""
    sizes = np.arange(1, 25, dtype=np.int64) * 10
    return Scored(
        "linear", sizes, 100 * np.exp(knots), None, sizes[:8] + 5, 100 * np.exp(calibration)
    )


@pytest.mark.parametrize("common", [0.0, 0.3, 0.6])
def test_a_layer_is_covered_as_often_as_its_operations(common: float) -> None:
    covered: dict[str, list[float]] = {"layer": [], "operation": []}
    for seed in range(60):
        random = np.random.default_rng(seed)
        at_knots, later = errors(random, 0.0, 24), errors(random, common, 8)
        scales, intervals = score_curves(list(map(flat_curve, at_knots, later)))
        halves = [100 * intervals.quantiles["95"] * scale.noise for scale in scales]
        parts = [
            LayerPart(replace(cost(f"op{place}", 100.0), latency_us_lo=100 - half,
                              latency_us_hi=100 + half), 1)
            for place, half in enumerate(halves)
        ]  # fmt: skip
        layer = compose(8, 2, 4, parts, intervals)
        for _ in range(20):
            found = 100 * np.exp(errors(random, common, 1)[:, 0])
            covered["operation"].append(float(np.mean(np.abs(found - 100) <= halves)))
            covered["layer"].append(layer.latency_us_lo <= found.sum() <= layer.latency_us_hi)
    assert abs(np.mean(covered["layer"]) - np.mean(covered["operation"])) < 0.08
    assert np.mean(covered["layer"]) > 0.85
