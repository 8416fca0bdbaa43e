"""How close top-k of score + bias comes to the best assignment, certified from counts and bias.

Each rule moves the bias from batch to batch on the same batch: `sign` is that of DeepSeek-V3 (arXiv
2408.15664), which balances loads and knows no costs; `subgradient` descends on the certified
bound; `damped_price` goes a part of the way to the marginal cost. The gap is the certified one of
the best bias so far, relative to the costs of its loads. HiGHS solves the linear relaxation on
convex curves, whose optimum no assignment exceeds.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from scipy.optimize import linprog

from moeprof.benchmarks.on_gpu.document import Row
from moeprof.benchmarks.routed.goals import at_most, beside, timed_in_turns
from moeprof.router.certificate import Certifier
from moeprof.router.expert_costs import ExpertCosts
from moeprof.stats.arrays import Float64, Int64

ITERATIONS = (0, 5, 20, 50)
SIZES = ((256, 128, 8), (512, 256, 8))


def layer(rng: np.random.Generator, tokens: int, experts: int, k: int) -> tuple[Float64, Float64]:
    """Scores [tokens, experts], and convex costs [experts, tokens + 1] in units of score."""
    near = 0.4 * rng.normal(size=(tokens, 16)) @ rng.normal(size=(16, experts))
    logits = near + 0.7 * rng.normal(size=experts)
    scores = 0.05 * (logits - np.logaddexp.reduce(logits, axis=1)[:, None])
    n = np.arange(tokens + 1.0)
    weight = rng.uniform(0.3, 1.0, experts)[:, None]
    return scores, weight * (0.02 * n + 0.002 * n**2 * experts / (tokens * k))


def costs_of(table: Float64) -> ExpertCosts:
    """Costs at whole loads as those of a cost model, a unit of cost a joule, on one GPU."""
    experts, loads = table.shape
    return ExpertCosts(
        loads=np.arange(float(loads)),
        latency_s=np.zeros_like(table),
        energy_j=table,
        idle_power_w=0.0,
        gpu_of=np.zeros(experts, dtype=np.int64),
    )


def counted(scores: Float64, bias: Float64, k: int) -> tuple[Int64, float]:
    """Loads of top-k of score + bias, and the sum of the scores of the picks."""
    picks = np.argpartition(-(scores + bias), k - 1, axis=1)[:, :k]
    return (
        np.bincount(picks.ravel(), minlength=scores.shape[1]),
        float(np.take_along_axis(scores, picks, axis=1).sum()),
    )


Update = Callable[[Float64, Int64, Float64, int], Float64]


def sign(bias: Float64, loads: Int64, table: Float64, iteration: int) -> Float64:
    """Up where the load is below the mean, down where it is above."""
    return np.asarray(bias - 1e-3 * np.sign(loads - loads.mean()))


def subgradient(bias: Float64, loads: Int64, table: Float64, iteration: int) -> Float64:
    """Against the loads less those that the prices alone would choose."""
    wanted = (-bias[:, None] * np.arange(table.shape[1]) - table).argmax(axis=1)
    return np.asarray(bias - 0.01 / np.sqrt(1 + iteration / 5) * (loads - wanted) / loads.mean())


def damped_price(bias: Float64, loads: Int64, table: Float64, iteration: int) -> Float64:
    """A part of the way to the negative marginal cost."""
    last = np.minimum(loads, table.shape[1] - 2)
    marginal = np.diff(table, axis=1)[np.arange(len(bias)), last]
    return np.asarray(bias + 0.3 / (1 + iteration / 20) * (-marginal - bias))


def gaps(scores: Float64, table: Float64, k: int, update: Update) -> list[float]:
    """The least certified gap so far at each of ITERATIONS, relative to the costs of its loads.

    Utility is score less cost; each bias gives one, and a bound on all.
    """
    certifier = Certifier(costs_of(table), 1.0)
    bias = np.zeros(len(table))
    best, least_bound, cost, found = -np.inf, np.inf, 1.0, []
    for iteration in range(max(ITERATIONS) + 1):
        loads, scored = counted(scores, bias, k)
        now = float(table[np.arange(len(table)), loads].sum())
        if scored - now > best:
            best, cost = scored - now, now
        least_bound = min(least_bound, scored - now + certifier.gap(bias, loads).gap)
        if iteration in ITERATIONS:
            found.append((least_bound - best) / cost)
        bias = update(bias, loads, table, iteration)
    return found


def relaxed_optimum(scores: Float64, table: Float64, k: int) -> float:
    """The utility of the linear relaxation on convex costs, by HiGHS."""
    tokens, experts = scores.shape
    picks, rows = tokens * experts, np.eye(experts)
    constraints = np.block(
        [
            [np.kron(np.eye(tokens), np.ones((1, experts))), np.zeros((tokens, picks))],
            [np.kron(np.ones((1, tokens)), rows), -np.kron(rows, np.ones((1, tokens)))],
        ]
    )
    solved = linprog(
        np.concatenate([-scores.ravel(), np.diff(table, axis=1).ravel()]),
        A_eq=constraints,
        b_eq=np.concatenate([np.full(tokens, float(k)), np.zeros(experts)]),
        bounds=(0.0, 1.0),
        method="highs",
    )
    assert solved.fun is not None, solved.message
    return -float(solved.fun)


def against_highs(rng: np.random.Generator) -> Iterator[Row]:
    """The certified bound and the optimum of the relaxation, at 64 x 16."""
    scores, table = layer(rng, 64, 16, 2)
    certifier, bias = Certifier(costs_of(table), 1.0), np.zeros(16)
    bound, best = np.inf, -np.inf
    for iteration in range(200):
        loads, scored = counted(scores, bias, 2)
        utility = scored - float(table[np.arange(16), loads].sum())
        best, bound = max(best, utility), min(bound, utility + certifier.gap(bias, loads).gap)
        bias = damped_price(bias, loads, table, iteration)
    optimum = relaxed_optimum(scores, table, 2)
    above, below = (bound - optimum) / abs(optimum), (optimum - best) / abs(optimum)
    name = "HiGHS's optimum, 64 x 16"
    yield at_most(f"certified bound below {name}", max(-above, 0.0), "ratio", 1e-9)
    yield beside(f"certified bound above {name}", above, "ratio")
    yield beside(f"best assignment below {name}", below, "ratio")


def rows(seed: int, quick: bool) -> Iterator[Row]:
    """Gaps by rule and iteration, the check against HiGHS, and the time of a certificate."""
    rng = np.random.default_rng(seed)
    yield from against_highs(rng)
    for tokens, experts, k in SIZES[:1] if quick else SIZES:
        scores, table = layer(rng, tokens, experts, k)
        for update in (sign, subgradient, damped_price):
            found = gaps(scores, table, k, update)
            for iteration, gap in zip(ITERATIONS, found, strict=True):
                name = f"{tokens} x {experts}, {update.__name__}, certified gap at {iteration}"
                yield beside(name, gap, "ratio")
    yield from speed(rng, 500 if quick else 5000)


def speed(rng: np.random.Generator, turns: int) -> Iterator[Row]:
    """The time of a certificate, of curves of 17 loads."""
    for tokens, experts, k in SIZES:
        _, table = layer(rng, tokens, experts, k)
        whole = costs_of(table)
        at = np.unique(np.linspace(0, tokens, 17).round().astype(int))
        costs = ExpertCosts(
            whole.loads[at], whole.latency_s[:, at], whole.energy_j[:, at], 0.0, whole.gpu_of
        )
        certifier, bias = Certifier(costs, 1.0), 0.01 * rng.normal(size=experts)
        loads, _ = counted(rng.normal(size=(tokens, experts)), bias, k)
        times = timed_in_turns({"gap": partial(certifier.gap, bias, loads)}, turns)
        name = f"certificate, {experts} experts"
        yield at_most(f"{name}: median time", times["gap"].median_us, "us", 30)
        yield beside(f"{name}: p99 time", times["gap"].p99_us, "us")
