from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.router.certificate import Certifier
from moeprof.router.expert_costs import ExpertCosts
from moeprof.stats.arrays import Float64, Int64
from moeprof.store.errors import BadInput

EXPERTS, TOKENS, K = 4, 4, 2
GROUPS = np.array([0, 0, 1, 1])


def costs_of(seed: int, gpus: int = 1) -> ExpertCosts:
    """Measured curves of no particular shape: they jump, fall and rise."""
    draw = np.random.default_rng(seed)
    tables = draw.uniform(0, 3, (2, EXPERTS, TOKENS + 1))
    tables[:, :, 0] = 0
    loads = np.arange(TOKENS + 1.0)
    return ExpertCosts(loads, tables[0], tables[1], 100.0, np.arange(EXPERTS) % gpus)


def utility(
    scores: Float64, picks: list[list[int]], costs: ExpertCosts, price_per_s: Float64
) -> float:
    counts = np.bincount(np.ravel(picks), minlength=EXPERTS)
    energy = costs.energy_j[np.arange(EXPERTS), counts].sum()
    by_gpu = np.bincount(costs.gpu_of, costs.latency_s[np.arange(EXPERTS), counts])
    picked = sum(scores[token, pick].sum() for token, pick in enumerate(picks))
    return float(picked - 0.3 * energy - price_per_s.sum() * by_gpu.max())


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.booleans(), st.integers(1, 2))
def test_no_routing_is_better_than_certified(seed: int, grouped: bool, gpus: int) -> None:
    """Of all routings, each of them tried; also where a token may use one group alone."""
    draw = np.random.default_rng(seed)
    costs, scores = costs_of(seed, gpus), draw.normal(size=(TOKENS, EXPERTS))
    bias, price_per_s = draw.normal(size=EXPERTS), draw.uniform(0, 0.5, gpus)
    allowed = [list(pick) for pick in combinations(range(EXPERTS), K)]
    if grouped:
        allowed = [pick for pick in allowed if GROUPS[pick[0]] == GROUPS[pick[1]]]
    made = [max(allowed, key=lambda pick: (scores[t] + bias)[pick].sum()) for t in range(TOKENS)]
    counts = np.bincount(np.ravel(made), minlength=EXPERTS)
    certificate = Certifier(costs, 0.3, price_per_s).gap(bias, counts)
    best = max(
        utility(scores, list(p), costs, price_per_s) for p in product(allowed, repeat=TOKENS)
    )
    assert best - utility(scores, made, costs, price_per_s) <= certificate.gap + 1e-9
    picked = sum(scores[t, pick].sum() for t, pick in enumerate(made))
    assert certificate.utility_bound(picked) >= best - 1e-9


LINEAR = ExpertCosts(
    np.array([0.0, 8.0]), np.full((3, 2), [0.0, 8e-6]), np.full((3, 2), [0.0, 8e-3]), 100.0,
    np.zeros(3, dtype=np.int64),
)  # fmt: skip
COUNTS = np.array([1, 7, 4])


def test_identical_experts_of_linear_cost_need_no_bias() -> None:
    assert Certifier(LINEAR, 5.0).gap(np.zeros(3), COUNTS).gap == pytest.approx(0, abs=1e-12)


def test_a_number_added_to_every_bias_changes_nothing() -> None:
    certifier, bias = Certifier(costs_of(1), 1.0), np.array([0.1, -0.2, 0.4, 0.0])
    counts: Int64 = np.array([2, 4, 1, 1])
    gaps = [certifier.gap(bias + shift, counts).gap for shift in (0.0, 7.0, -3.0)]
    assert gaps == pytest.approx([gaps[0]] * 3)


def test_a_shorter_reach_certifies_a_smaller_gap() -> None:
    """Costs that fall from row to row make large loads tempting, which few tokens cannot give."""
    loads = np.arange(65.0)
    table = np.sqrt(loads)[None].repeat(2, 0)
    costs = ExpertCosts(loads, table, table, 0.0, np.zeros(2, dtype=np.int64))
    certifier, counts = Certifier(costs, 1.0), np.array([4, 4])
    assert certifier.gap(np.zeros(2), counts, 4).gap < certifier.gap(np.zeros(2), counts).gap


def test_what_cannot_be_certified_is_refused() -> None:
    with pytest.raises(BadInput, match=r"expert 1 has 9 tokens, and .* end at 8"):
        Certifier(LINEAR, 1.0).gap(np.zeros(3), np.array([1, 9, 0]))
    with pytest.raises(BadInput, match=r"expert 1 has 7 tokens, and .* end at 4"):
        Certifier(LINEAR, 1.0).gap(np.zeros(3), COUNTS, tokens=4)
    with pytest.raises(BadInput, match="the bias of an expert is not finite"):
        Certifier(LINEAR, 1.0).gap(np.array([0.0, np.nan, 0.0]), COUNTS)
    with pytest.raises(BadInput, match="price_per_j is -1"):
        Certifier(LINEAR, -1.0)
    with pytest.raises(BadInput, match=r"price_per_s has the shape \(2,\), for 1 GPUs"):
        Certifier(LINEAR, 1.0, np.zeros(2))
