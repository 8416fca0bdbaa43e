"""docs/theory.md: each counterexample of the page runs, and each bound holds on tiny instances.

A test that the page names stands here, and the page names each test that stands here.
"""

import re
from collections.abc import Callable, Iterator
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from moeprof.stats.arrays import Float64

PAGE = Path(__file__).parents[2] / "docs" / "theory.md"

seeds = st.integers(0, 2**32 - 1)


def above_chord(f: Callable[[float], float], a: float, b: float) -> float:
    """How far the middle of a chord lies below f: above 0, f is not convex between a and b."""
    return f((a + b) / 2) - (f(a) + f(b)) / 2


def softmax(z: Float64) -> Float64:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def log_sum_exp(z: Float64) -> Float64:
    return np.asarray(np.logaddexp.reduce(z, axis=-1))


def kl_nats(p: Float64, q: Float64) -> float:
    return float((p * np.log(p / q)).sum())


def picks(scores: Float64, k: int) -> Float64:
    """Top-k of each row as 0 and 1, the lower expert first if equal."""
    chosen = np.zeros_like(scores)
    np.put_along_axis(chosen, np.argsort(-scores, axis=1, kind="stable")[:, :k], 1.0, axis=1)
    return chosen


def assignments(tokens: int, experts: int, k: int) -> Iterator[Float64]:
    """Each way to send each token to k experts, as 0 and 1."""
    rows = [np.isin(np.arange(experts), c).astype(float) for c in combinations(range(experts), k)]
    for chosen in product(rows, repeat=tokens):
        yield np.array(chosen)


def cost_at(table: Float64, loads: Float64) -> float:
    """Sum of the costs [experts, tokens + 1] at whole loads."""
    return float(table[np.arange(len(table)), loads.astype(int)].sum())


def conjugate(table: Float64, prices: Float64) -> float:
    """Sum over experts of max_m (price m - c(m)), over the loads of the table."""
    return float((prices[:, None] * np.arange(table.shape[1]) - table).max(axis=1).sum())


def certified_gap(table: Float64, bias: Float64, loads: Float64) -> float:
    return cost_at(table, loads) + conjugate(table, -bias) + float(bias @ loads)


# The page


def test_the_page_names_each_test_and_each_test_is_named() -> None:
    here = set(re.findall(r"^def (test_\w+)", Path(__file__).read_text(), re.MULTILINE))
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    assert named == here - {"test_the_page_names_each_test_and_each_test_is_named"}


# What is not convex


def test_power_is_not_convex_where_energy_and_latency_are() -> None:
    def measured_like(n: float) -> float:
        return (0.1 + 0.0065 * n) / (1e-3 + 1e-5 * n)

    assert above_chord(lambda n: n / (1 + n), 0, 2) == pytest.approx(1 / 6)
    assert above_chord(measured_like, 1, 512) > 160
    # Not even quasiconvex: the largest value lies inside.
    at_0, at_1, at_2 = (1 / (1 + (n - 1) ** 2) for n in (0, 1, 2))
    assert at_1 > at_0 == at_2


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_power_is_quasiconvex_where_energy_is_convex_and_latency_concave(seed: int) -> None:
    rng = np.random.default_rng(seed)
    energy, latency = rng.uniform(0.1, 1, 3), rng.uniform(0.1, 1, 3)

    def power(n: float) -> float:
        return float((energy @ [1, n, n * n]) / (latency @ [1, n, np.sqrt(n)]))

    a, b, at = rng.uniform(0, 9), rng.uniform(0, 9), rng.uniform()
    assert power(a + at * (b - a)) <= max(power(a), power(b)) * (1 + 1e-12)


def test_costs_mixed_by_a_softmax_are_neither_convex_nor_concave_in_the_bias() -> None:
    def mixed(b: float) -> float:
        return float(softmax(np.array([0.0, b])) @ [0, 1])

    def mixed_loads(b: float) -> float:
        return float(softmax(np.array([0.0, b])) ** 2 @ [1, 5])

    assert above_chord(mixed, 0, 4) > 0.13
    assert above_chord(mixed, -4, 0) < -0.13
    assert above_chord(mixed_loads, 0.5, 3) > 0.1
    assert above_chord(mixed_loads, -3, 0) < -0.1


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_a_share_is_log_concave_in_the_bias(seed: int) -> None:
    p = softmax(3 * np.random.default_rng(seed).normal(size=6))
    hessian_of_log = np.outer(p, p) - np.diag(p)
    assert np.linalg.eigvalsh(hessian_of_log).max() < 1e-14


def test_kl_is_not_convex_in_the_bias_either() -> None:
    """It levels off at log 2, where all tokens go to one expert of two."""

    def kl(b: float) -> float:
        return kl_nats(softmax(np.array([0.0, b])), np.array([0.5, 0.5]))

    assert above_chord(kl, 2, 12) > 0.1


def test_power_of_a_layer_is_a_ratio_of_sums() -> None:
    energy_j, latency_s = np.array([1.0, 1.0]), np.array([1.0, 0.1])
    assert np.mean(energy_j / latency_s) == pytest.approx(5.5)
    assert energy_j.sum() / latency_s.sum() == pytest.approx(1.818, abs=1e-3)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_the_hinge_squared_and_the_penalty_of_a_bias_are_convex(seed: int) -> None:
    a, b = 5 * np.random.default_rng(seed).normal(size=(2, 4))

    def hinge(x: Float64) -> float:
        return float(np.maximum(x - 1, 0)[0] ** 2)

    def penalty(x: Float64) -> float:
        return float(0.1 * x @ x + 0.05 * np.logaddexp(0, x).sum())

    for f in (hinge, penalty):
        assert f((a + b) / 2) <= (f(a) + f(b)) / 2 + 1e-12


def test_the_penalty_of_a_bias_tells_apart_what_routes_alike() -> None:
    def slope(shift: float) -> float:  # derivative of 0.1 b^2 + 0.05 softplus(b)
        return float(0.2 * shift + 0.05 / (1 + np.exp(-shift)))

    assert slope(0.0) > 0 > slope(-1.0)  # so no minimum at b = 0, where nothing is to be gained


def test_the_throughput_reward_is_not_convex_in_the_load_and_is_flat() -> None:
    def reward(tokens_per_s: float) -> float:
        return -min(0.1, tokens_per_s / 1e4)

    assert above_chord(lambda load: reward(900 / (1 + load)), 0, 4) > 0.02
    assert reward(1_000) == reward(84_000) == -0.1


def composite(bias_apart: float, target_w: float, weight: float) -> float:
    """The composite objective of two experts at 700 and 450 W whose gates lie 12 apart."""
    power_w = 450 + 250 / (1 + np.exp(bias_apart - 12))
    return float(max(0.0, power_w - target_w) ** 2 / 200**2 + weight * bias_apart**2 / 2)


def test_the_composite_objective_has_two_minima_and_descent_finds_the_worse() -> None:
    apart = np.linspace(-2, 25, 2701)
    value = np.array([composite(d, 500, 0.002) for d in apart])
    inner = value[1:-1]
    minima = apart[1:-1][(inner < value[:-2]) & (inner <= value[2:])]
    assert minima == pytest.approx([0.01, 13.12], abs=0.02)
    assert composite(13.12, 500, 0.002) < 0.18 < 0.99 < composite(0.01, 500, 0.002)

    def value_at(apart: Float64) -> float:
        return composite(float(apart[0]), 500, 0.002)

    assert abs(minimize(value_at, np.zeros(1), method="BFGS").x[0]) < 0.1


def test_one_watt_moves_the_minimum_of_the_composite_objective_across_its_range() -> None:
    apart = np.linspace(0, 25, 5001)
    best = [apart[np.argmin([composite(d, w, 0.0089) for d in apart])] for w in (535.0, 536.0)]
    assert best == pytest.approx([12.09, 0.0], abs=0.01)


# What changes no routing, or the wrong one


def test_one_penalty_for_all_experts_changes_nothing() -> None:
    logits = np.random.default_rng(0).normal(size=(5, 8))
    assert np.abs(softmax(logits) - softmax(logits - 70)).max() < 1e-14
    assert (picks(logits, 2) == picks(logits - 70, 2)).all()


def test_temperature_changes_no_pick_and_scales_a_bias() -> None:
    rng = np.random.default_rng(0)
    logits, bias = rng.normal(size=(64, 16)), rng.normal(size=16)
    assert (picks(logits / 0.1, 2) == picks(logits / 10, 2)).all()
    assert (picks(logits / 10 + bias, 2) == picks(logits + 10 * bias, 2)).all()
    assert (picks(logits / 10 + bias, 2) != picks(logits + bias, 2)).any()


def test_counts_carry_no_gradient() -> None:
    logits = torch.randn(64, 16, requires_grad=True)
    counts = torch.bincount(logits.topk(2).indices.flatten(), minlength=16).float()
    assert not counts.std().requires_grad


def test_a_loss_of_telemetry_moves_no_weight() -> None:
    layer = torch.nn.Linear(3, 4)
    layer(torch.ones(3))  # the biases, of which the loss below is no function
    power_w = torch.tensor(600.0, requires_grad=True)  # as the design documents write it
    torch.autograd.backward(torch.relu(power_w - 390) ** 2)
    assert [weight.grad for weight in layer.parameters()] == [None, None]


def test_fewer_active_experts_lower_energy_and_raise_power_in_decode() -> None:
    """Experts of 9.44 MB, 128, top 8; rates assumed: 86 pJ/B, 0.75 pJ/FLOP, 110 W idle."""

    def layer(active: float, tokens: int) -> tuple[float, float]:
        flop, read = 2 * 4.72e6 * 8 * tokens, 9.44e6 * active
        latency_s = max(read / 4.3e12, flop / 790e12)
        energy_j = 86e-12 * read + 0.75e-12 * flop + 110 * latency_s
        return energy_j, energy_j / latency_s

    for tokens in (16, 64, 256, 1024):
        active = 128 * (1 - (15 / 16) ** tokens)
        (energy_j, power_w), (less_j, more_w) = layer(active, tokens), layer(0.7 * active, tokens)
        assert less_j < 0.8 * energy_j
        assert more_w > power_w


def test_agreement_of_decisions_is_not_quality() -> None:
    """One pick of ten that mattered, against five of ten that did not."""
    scores = np.tile([0.9, 0.05, 0.05 - 1e-6], (10, 1))
    scores[1:] = [0.34, 0.33, 0.33 - 1e-6]
    own = picks(scores, 1)
    few, many = own.copy(), own.copy()
    few[0] = [0, 1, 0]
    many[1:6] = [0, 1, 0]
    agree_few, agree_many = (float((own * x).sum()) / 10 for x in (few, many))
    lost_few, lost_many = (float((scores * (own - x)).sum()) for x in (few, many))
    assert (agree_few, agree_many) == (0.9, 0.5)
    assert lost_few > 10 * lost_many


def test_balanced_loads_are_not_cheap_loads() -> None:
    """The sign rule rests where loads are equal, whatever the experts cost."""
    joules_per_row, balanced, cheap = np.array([1.0, 3.0]), np.array([2, 2]), np.array([4, 0])
    assert not np.sign(balanced - balanced.mean()).any()
    assert joules_per_row @ cheap < joules_per_row @ balanced


# A bias that ranks, and one within the softmax


def test_a_bias_within_the_softmax_changes_weights_a_bias_that_ranks_does_not() -> None:
    logits, bias = np.array([2.0, 1.0, 0.0]), np.array([-0.5, 0.0, 0.0])
    picked = np.argsort(-(logits + bias))[:2]
    assert picked.tolist() == [0, 1]  # the same experts either way
    ours, tilted = softmax(logits[picked]), softmax((logits + bias)[picked])
    assert tilted[0] / tilted[1] == pytest.approx(ours[0] / ours[1] * np.exp(-0.5))


def test_a_bias_on_probabilities_picks_others_than_the_same_bias_on_logits() -> None:
    logits, bias = np.log([[0.6, 0.35, 0.05]]), np.array([0.0, 0.0, 0.5])
    assert picks(logits + bias, 2).tolist() == [[1, 1, 0]]
    assert picks(softmax(logits) + bias, 2).tolist() == [[1, 0, 1]]


def test_equal_costs_less_their_mean_need_not_be_zero() -> None:
    slopes = np.full(3, 0.1)
    assert (slopes - slopes.mean()).any()  # rounding
    assert not (slopes - slopes[0]).any()


# Theorem A


class Soft:
    """Soft routing of theorem A, with a cost a.n + c.n^2 / 2 of the loads."""

    def __init__(self, seed: int, tokens: int = 6, experts: int = 3, k: int = 2) -> None:
        self.rng = np.random.default_rng(seed)
        self.k, self.kl_price_j = k, 0.7
        self.log_q = np.log(softmax(1.5 * self.rng.normal(size=(tokens, experts))))
        self.a, self.c = self.rng.uniform(0.1, 1, experts), self.rng.uniform(0.05, 0.5, experts)

    def routed(self, bias: Float64) -> Float64:
        return softmax(self.log_q + bias)

    def loads(self, bias: Float64) -> Float64:
        return np.asarray(self.k * self.routed(bias).sum(axis=0))

    def dual(self, bias: Float64) -> float:
        """F of the page. The conjugate of the cost is that over loads from 0."""
        best = np.maximum(-self.kl_price_j * bias / self.k - self.a, 0)
        total = log_sum_exp(self.log_q + bias).sum()
        return float(self.kl_price_j * total + (best**2 / (2 * self.c)).sum())

    def primal(self, bias: Float64) -> float:
        n = self.loads(bias)
        change = kl_nats(self.routed(bias), np.exp(self.log_q))
        return float(self.kl_price_j * change + self.a @ n + self.c @ n**2 / 2)

    def solved(self) -> Float64:
        start = self.rng.normal(size=len(self.a))
        return np.asarray(minimize(self.dual, start, method="BFGS", options={"gtol": 1e-7}).x)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_the_dual_is_convex_in_the_bias_and_bounds_the_primal(seed: int) -> None:
    soft = Soft(seed)
    a, b = 3 * soft.rng.normal(size=(2, 3))
    assert soft.dual((a + b) / 2) <= (soft.dual(a) + soft.dual(b)) / 2 + 1e-9
    assert soft.primal(a) >= -soft.dual(b) - 1e-9


def test_at_its_minimum_the_bias_is_the_marginal_cost_and_nothing_is_better() -> None:
    soft = Soft(0)
    bias = soft.solved()
    assert soft.primal(bias) == pytest.approx(-soft.dual(bias), abs=1e-6)
    marginal_j = soft.a + soft.c * soft.loads(bias)
    assert bias == pytest.approx(-soft.k / soft.kl_price_j * marginal_j, abs=1e-4)


def test_marginal_costs_that_are_wrong_by_delta_move_shares_by_at_most_k_delta_over_tau() -> None:
    soft, other, delta = Soft(1), Soft(1), 0.05
    other.a = soft.a + delta * np.array([1, -1, 1])
    moved = np.abs(soft.routed(soft.solved()) - other.routed(other.solved())).sum(axis=1)
    assert 0 < np.sqrt((moved**2).mean()) <= soft.k * delta / soft.kl_price_j


def test_soft_routing_may_give_one_expert_more_than_a_token_can() -> None:
    """Theorem A has no limit p <= 1 / k: for k > 1 it is not about k distinct experts."""
    soft = Soft(0)
    soft.log_q = np.log(np.tile([0.98, 0.01, 0.01], (6, 1)))
    assert soft.loads(soft.solved()).max() > 6  # there are 6 tokens


# Theorem B


def random_layer(seed: int, tokens: int, experts: int) -> tuple[Float64, Float64, Float64]:
    """Scores, costs at 0..tokens rows without any shape, and a bias: all may be equal."""
    rng = np.random.default_rng(seed)
    coarse = float(rng.choice([1.0, 1e-9]))  # whole numbers have ties
    scores = np.round(rng.normal(size=(tokens, experts)) * 2 / coarse) * coarse
    table = np.round(rng.exponential(size=(experts, tokens + 1)) * 2 / coarse) * coarse
    bias = np.round(rng.normal(size=experts) * 2 / coarse) * coarse
    return scores, table, bias


def utility(scores: Float64, table: Float64, chosen: Float64) -> float:
    return float((scores * chosen).sum()) - cost_at(table, chosen.sum(axis=0))


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from([(3, 4, 2), (2, 5, 3), (4, 3, 1), (2, 2, 2)]))
def test_no_assignment_is_better_by_more_than_the_certified_gap(
    seed: int, sizes: tuple[int, int, int]
) -> None:
    tokens, experts, k = sizes
    scores, table, bias = random_layer(seed, tokens, experts)
    ours = picks(scores + bias, k)
    best = max(utility(scores, table, x) for x in assignments(tokens, experts, k))
    gap = certified_gap(table, bias, ours.sum(axis=0))
    assert gap >= best - utility(scores, table, ours) - 1e-6


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_no_assignment_with_our_scores_or_better_saves_more_joules_than_the_gap(seed: int) -> None:
    scores, table, bias = random_layer(seed, 3, 4)
    ours = picks(scores + bias, 2)
    gap = certified_gap(table, bias, ours.sum(axis=0))
    for x in assignments(3, 4, 2):
        if (scores * x).sum() >= (scores * ours).sum():
            saved = cost_at(table, ours.sum(axis=0)) - cost_at(table, x.sum(axis=0))
            assert saved <= gap + 1e-6


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_the_gap_of_gpus_side_by_side_holds_for_any_weights_of_the_gpus(seed: int) -> None:
    scores, table, bias = random_layer(seed, 3, 4)
    weight = np.random.default_rng(seed).dirichlet([1.0, 1.0])
    each = np.repeat(weight, 2)  # four experts on two GPUs

    def slowest(chosen: Float64) -> float:
        cost = table[np.arange(4), chosen.sum(axis=0).astype(int)]
        return float(max(cost[:2].sum(), cost[2:].sum()))

    ours = picks(scores + bias, 2)
    n = ours.sum(axis=0)
    gap = slowest(ours) + conjugate(each[:, None] * table, -bias) + float(bias @ n)
    better = max(
        float((scores * (x - ours)).sum()) - slowest(x) + slowest(ours)
        for x in assignments(3, 4, 2)
    )
    assert gap >= better - 1e-6


TWO_EXPERTS = np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 1.0]])  # a weight read, and rows for nothing
NO_SCORES = np.zeros((2, 2))
ONE_EACH = np.eye(2)


def missed() -> float:
    """What one expert for both tokens is better than one each."""
    best = max(utility(NO_SCORES, TWO_EXPERTS, x) for x in assignments(2, 2, 1))
    return best - utility(NO_SCORES, TWO_EXPERTS, ONE_EACH)


def test_a_gap_with_the_hull_in_place_of_the_cost_certifies_too_much() -> None:
    hull = np.array([[0.0, 0.5, 1.0], [0.0, 0.5, 1.0]])
    bias, one_each = np.full(2, -0.5), np.ones(2)
    assert certified_gap(hull, bias, one_each) == 0
    assert missed() == 1 <= certified_gap(TWO_EXPERTS, bias, one_each)
    assert conjugate(hull, -bias) == conjugate(TWO_EXPERTS, -bias)  # there the hull is exact


def test_a_gap_whose_loads_end_before_the_tokens_do_certifies_too_much() -> None:
    bias, one_each = np.full(2, -1.0), np.ones(2)
    assert certified_gap(TWO_EXPERTS[:, :2], bias, one_each) == 0
    assert missed() == 1 <= certified_gap(TWO_EXPERTS, bias, one_each)


def test_no_bias_certifies_more_closely_than_the_distance_to_the_hull() -> None:
    one_each, to_the_hull = np.ones(2), 1.0
    for bias in np.random.default_rng(0).normal(size=(50, 2)):
        assert certified_gap(TWO_EXPERTS, bias, one_each) >= to_the_hull


def test_a_shift_of_the_bias_changes_the_gap_and_no_pick() -> None:
    """So the certificate may take the shift at which the gap is least."""
    table, two_rows = np.tile([0.0, 1.0, 4.0], (2, 1)), np.array([1, 1])
    shifts = np.linspace(-5, 5, 101)
    gaps = [certified_gap(table, np.full(2, shift), two_rows) for shift in shifts]
    assert gaps[50] == 2  # shift 0
    assert min(gaps) == pytest.approx(0)


def test_tokens_that_score_alike_cannot_be_split_by_a_bias() -> None:
    table = np.tile([0.0, 1.0, 4.0], (2, 1))
    found = {tuple(picks(NO_SCORES + b, 1).sum(axis=0)) for b in ([0, 0], [1, 0], [0, 1])}
    assert found == {(2, 0), (0, 2)}
    assert cost_at(table, np.array([1, 1])) < cost_at(table, np.array([2, 0]))


def test_a_gap_of_mean_loads_is_not_the_mean_gap() -> None:
    """Two passes of two tokens, the first all to one expert and the second all to the other."""
    table = np.tile([0.0, 1.0, 4.0], (2, 1))
    missed_by_each = cost_at(table, np.array([2, 0])) - cost_at(table, np.array([1, 1]))
    bias, of_mean_loads = np.full(2, -2.0), np.array([1, 1])
    assert certified_gap(table, bias, of_mean_loads) == 0 < missed_by_each
    for loads in ([2, 0], [0, 2]):
        assert certified_gap(table, bias, np.array(loads)) >= missed_by_each


def test_the_gap_of_limited_groups_is_among_the_groups_that_were_kept() -> None:
    """A group ranks by its two best: the group of 10, 10 wins and holds less than 9, 9, 9."""
    scores = np.array([10.0, 10.0, 0.0, 9.0, 9.0, 9.0])
    kept, other = scores[:3], scores[3:]
    assert np.sort(kept)[-2:].sum() > np.sort(other)[-2:].sum()
    gap_without_costs = 0.0
    assert other.sum() - kept.sum() == 7 > gap_without_costs


def test_a_gap_relative_to_the_scores_depends_on_what_is_added_to_them() -> None:
    scores, table, bias = random_layer(3, 3, 4)
    relative = []
    for added in (0.0, 100.0):
        ours = picks(scores + added + bias, 2)
        gap = certified_gap(table, bias, ours.sum(axis=0))
        relative.append(gap / abs(utility(scores + added, table, ours)))
    assert relative[0] > 10 * relative[1] > 0


# Program C


def test_a_power_cap_at_the_latency_itself_leaves_no_convex_set() -> None:
    """Latency n^2 s and energy n J of one expert, cap 1 W: all or at least one row, or none."""

    def kept(n: float) -> bool:
        return n <= 1.0 * n**2

    assert kept(0)
    assert kept(1)
    assert not kept(0.5)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_with_a_free_period_the_capped_set_is_convex(seed: int) -> None:
    rng = np.random.default_rng(seed)
    c = rng.uniform(0.1, 1, 4)

    def kept(n: float, period_s: float) -> bool:
        latency_s, energy_j = c[0] * n + c[1] * n * n, c[2] * n + c[3] * n * n
        return bool(period_s >= latency_s - 1e-12 and energy_j <= period_s + 1e-12)

    ends = [
        (n, max(c[0] * n + c[1] * n * n, c[2] * n + c[3] * n * n)) for n in rng.uniform(0, 9, 2)
    ]
    assert all(kept(*end) for end in ends)
    assert kept(*np.mean(ends, axis=0).tolist())


def test_paced_does_not_mean_that_no_routing_meets_the_cap() -> None:
    """Two experts at 1 s a row, of 1 and 3 J a row; 2 rows, cap 1.5 W above idle."""
    cap_w, time_price_w, kl_price_j = 1.5, 0.1, 10.0

    def objective_j(n: Float64) -> tuple[float, bool]:
        energy_j, latency_s = float(n @ [1, 3]), 2.0
        period_s = max(latency_s, energy_j / cap_w)
        changed = kl_price_j * kl_nats(n, np.ones(2))
        return changed + energy_j + time_price_w * period_s, period_s > latency_s

    routed_j, routed_waits = objective_j(np.array([1.5, 0.5]))
    assert not routed_waits
    best_j, best_waits = min(objective_j(np.array([x, 2 - x])) for x in np.linspace(0.5, 1.99, 150))
    assert best_waits
    assert best_j < routed_j


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_the_change_of_the_loads_is_at_most_that_of_the_tokens(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, q = softmax(rng.normal(size=(5, 4))), softmax(rng.normal(size=(5, 4)))
    assert 5 * kl_nats(p.mean(axis=0), q.mean(axis=0)) <= kl_nats(p, q) + 1e-12


def test_the_log_ratio_of_loads_is_no_bias_that_gives_these_loads() -> None:
    q, wanted = np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([0.7, 0.3])
    by_ratio = softmax(np.log(q) + np.log(wanted / q.mean(axis=0))).mean(axis=0)
    assert by_ratio == pytest.approx([0.580, 0.420], abs=1e-3)

    def far(bias: Float64) -> float:
        return float(log_sum_exp(np.log(q) + bias).sum() - 2 * wanted @ bias)

    found = np.asarray(minimize(far, np.zeros(2), method="BFGS", options={"gtol": 1e-8}).x)
    assert softmax(np.log(q) + found).mean(axis=0) == pytest.approx(wanted, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_any_whole_loads_up_to_the_tokens_are_those_of_an_assignment(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tokens, experts, k = 5, 4, 3
    loads = picks(rng.normal(size=(tokens, experts)), k).sum(axis=0).astype(int)
    rows = np.repeat(np.arange(experts), loads)  # expert after expert, dealt to tokens in turn
    dealt = [rows[token::tokens] for token in range(tokens)]
    assert all(len(set(one.tolist())) == k for one in dealt)


def test_the_hull_of_a_fixed_charge_cannot_tell_spread_from_concentrated() -> None:
    """Four experts of 1 J per active expert, 4 tokens, top 2: hull, spread and concentrated."""
    tokens, charge_j = 4, 1.0
    spread, concentrated = np.array([2, 2, 2, 2]), np.array([4, 4, 0, 0])
    for loads in (spread, concentrated):
        assert (charge_j * loads / tokens).sum() == 2
    assert [charge_j * (loads > 0).sum() for loads in (spread, concentrated)] == [4, 2]


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_the_temperature_after_a_while_is_affine_in_the_power(seed: int) -> None:
    """Two poles and linear leakage, integrated in steps of 0.1 s for 20 s."""
    rng = np.random.default_rng(seed)
    r, tau = rng.uniform(0.01, 0.05, 2), np.array([3.0, 60.0])
    rises = rng.uniform(0, 10, 2)

    def after(power_w: float) -> float:
        now = rises.copy()
        for _ in range(200):
            leaked_w = power_w + 0.6 * now.sum()
            now = now + 0.1 / tau * (r * leaked_w - now)
        return float(now.sum())

    assert after(300) == pytest.approx((after(200) + after(400)) / 2, rel=1e-12)


# Program D


def kept_mass(scores: Float64, kept: Float64, k: int) -> float:
    """What k experts of the kept ones retain, summed over tokens."""
    return float(np.sort(scores * kept, axis=1)[:, -k:].sum())


def subsets(experts: int) -> list[Float64]:
    return [np.array(one) for one in product([0.0, 1.0], repeat=experts)]


def bound_of_active_set(scores: Float64, prices: Float64, u: Float64, k: int) -> float:
    worth = np.maximum(scores - u[:, None], 0).sum(axis=0)
    return float(k * u.sum() + np.maximum(worth - prices, 0).sum())


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_no_set_of_experts_is_worth_more_than_its_lagrangian_bound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, prices, k = softmax(2 * rng.normal(size=(4, 6))), rng.uniform(0, 0.6, 6), 2
    best = max(kept_mass(scores, kept, k) - prices @ kept for kept in subsets(6))
    for u in (np.sort(scores, axis=1)[:, -k - 1], rng.uniform(0, 0.5, 4)):
        assert bound_of_active_set(scores, prices, u, k) >= best - 1e-12


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_the_mass_that_a_set_retains_is_submodular(seed: int) -> None:
    scores = np.random.default_rng(seed).exponential(size=(3, 4))
    for a, b in product(subsets(4), repeat=2):
        both, either = np.minimum(a, b), np.maximum(a, b)
        parts = kept_mass(scores, a, 2) + kept_mass(scores, b, 2)
        assert kept_mass(scores, both, 2) + kept_mass(scores, either, 2) <= parts + 1e-12


def test_the_bound_of_an_active_set_may_lie_above_the_best_set() -> None:
    """Three tokens that like two experts each: the relaxation opens half of each expert."""
    scores = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])
    prices = np.full(3, 1.2)
    best = max(kept_mass(scores, kept, 1) - prices @ kept for kept in subsets(3))
    assert best == pytest.approx(0.8)
    least = min(
        bound_of_active_set(scores, prices, np.array(u), 1)
        for u in product(np.linspace(0, 1, 21), repeat=3)
    )
    assert least == pytest.approx(1.2)


def test_scores_below_zero_are_no_mass() -> None:
    """Dropping an expert raises the sum of what is left."""
    scores = np.array([[-1.0, -2.0]])
    assert np.sort(scores[:, :1])[:, -2:].sum() > np.sort(scores)[:, -2:].sum()


def test_identical_experts_of_linear_cost_leave_nothing_to_route_for() -> None:
    joules_per_row, n = 0.003, np.array([7.0, 1.0, 4.0])
    for other in (np.full(3, 4.0), np.array([12.0, 0, 0])):
        assert joules_per_row * other.sum() == pytest.approx(joules_per_row * n.sum())
    assert kl_nats(n, n) == 0 < kl_nats(np.full(3, 4.0), n)
