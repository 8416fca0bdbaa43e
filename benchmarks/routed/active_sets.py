"""Which experts to read in decode: the one-pass rule and program D, beside other rules.

Gates are synthetic: softmaxes of four clusters of tokens. A token's values are its scores as shares
of its own top-k mass, so retained mass is the share of that which k of the kept experts hold. An
expert is charged a quarter of the mean mass of a picked one. Every other rule keeps as many experts
as the one-pass rule, or, where it cannot choose the number (OEA), the nearest that it can. The
peers are simplified: OEA (arXiv 2511.02237) keeps the union of each token's best k0, mass (as in
XShare, 2602.07265) the experts of the largest total score, votes (as in Lynx, 2411.08982) those
that most tokens pick.
"""

import time
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from moeprof.benchmarks.on_gpu.document import Row
from moeprof.benchmarks.routed.goals import at_least, at_most, beside, timed_in_turns
from moeprof.router.programs.active_set import (
    choose_experts,
    first_choices,
    objective_of,
    shares_of_mass,
)
from moeprof.router.programs.one_pass import one_pass
from moeprof.stats.arrays import Float64

Bools = NDArray[np.bool_]
EXPERTS, K = 128, 8
TOKENS = (4, 16, 64, 256)
CHARGED = 0.25


def gates(rng: np.random.Generator, tokens: int) -> Float64:
    """Softmax scores [tokens, EXPERTS] of tokens around four centres, rounded to float32."""
    centres = rng.normal(size=(4, 12))
    near = 0.7 * centres[rng.integers(4, size=tokens)] + 0.7 * rng.normal(size=(tokens, 12))
    e = np.exp(0.5 * near @ rng.normal(size=(12, EXPERTS)))
    return np.asarray(e / e.sum(axis=1, keepdims=True), dtype=np.float32).astype(np.float64)


def retained(values: Float64, kept: Bools) -> float:
    """Share of the top-K mass that the K best kept experts of each token hold."""
    return objective_of(values, np.zeros(EXPERTS), K, kept) / len(values)


def largest(worth: Float64, count: int) -> Bools:
    """The experts of the largest worth [EXPERTS]."""
    kept = np.zeros(len(worth), dtype=bool)
    kept[np.argsort(-worth, kind="stable")[:count]] = True
    return kept


def union_of_best(scores: Float64, count: int) -> Bools:
    """The union of each token's best k0, with the k0 whose union is nearest to `count`."""
    order = np.argsort(-scores, axis=1)
    unions = [np.isin(np.arange(EXPERTS), order[:, :k0]) for k0 in range(1, K + 1)]
    return min(unions, key=lambda kept: abs(int(kept.sum()) - count))


def votes(scores: Float64) -> Float64:
    """How many tokens pick each expert."""
    return np.bincount(np.argsort(-scores, axis=1)[:, :K].ravel(), minlength=EXPERTS).astype(float)


def compared(rng: np.random.Generator, tokens: int) -> dict[str, float]:
    """Retained mass of each rule, the kept and the picked experts, certified gaps, and a time."""
    scores = gates(rng, tokens)
    values, picked = shares_of_mass(scores, K), int((votes(scores) > 0).sum())
    charges = np.full(EXPERTS, CHARGED * tokens / picked).astype(np.float32)
    kept = one_pass(torch.from_numpy(scores).float(), torch.from_numpy(charges), K).numpy()
    exact = charges.astype(np.float64)
    started = time.perf_counter()
    chosen = choose_experts(values, exact, K, first_choices(scores))
    took_ms = 1e3 * (time.perf_counter() - started)
    count = int(kept.sum())
    others = {
        "program D": chosen.kept,
        "OEA": union_of_best(scores, count),
        "mass": largest(scores.sum(axis=0), count),
        "votes": largest(votes(scores), count),
    }
    missing = chosen.bound - objective_of(values, exact, K, kept)
    return {
        "experts picked": picked,
        "experts kept by one-pass": count,
        **{f"experts kept by {name}": int(others[name].sum()) for name in ("program D", "OEA")},
        "mass retained by one-pass": retained(values, kept),
        **{f"mass retained by {name}": retained(values, other) for name, other in others.items()},
        "certified gap of one-pass": missing / tokens,
        "certified gap of program D": chosen.gap,
        "time of program D": took_ms,
    }


def rows(seed: int, quick: bool) -> Iterator[Row]:
    """Retained mass beside other rules, and the time of a rule beside torch.topk."""
    rng = np.random.default_rng(seed)
    for tokens in TOKENS:
        found = [compared(rng, tokens) for _ in range(4 if quick else 20)]
        mean = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
        where = f"active set, {tokens} x {EXPERTS}"
        best = max(mean[f"mass retained by {rule}"] for rule in ("OEA", "mass", "votes"))
        yield at_least(f"{where}: mass retained by one-pass over the best other rule",
                       mean["mass retained by one-pass"] / best, "x", 1.0)  # fmt: skip
        for what, value in mean.items():
            yield beside(f"{where}: {what}", value, _UNITS.get(what.split()[0], "ratio"))
    yield from speed(rng, 300 if quick else 3000)


_UNITS = {"experts": "experts", "time": "ms"}


def speed(rng: np.random.Generator, turns: int) -> Iterator[Row]:
    """The time of the rule at 64 x 128, beside the top-k that any router needs."""
    scores = torch.from_numpy(gates(rng, 64)).float()
    charges = torch.full((EXPERTS,), CHARGED * 64 / 92)
    times = timed_in_turns(
        {
            "rule": lambda: one_pass(scores, charges, K),
            "torch.topk": lambda: scores.topk(K, dim=1),
        },
        turns,
    )
    where = f"active set, 64 x {EXPERTS}"
    yield at_most(f"{where}: median time of one-pass", times["rule"].median_us, "us", 50)
    yield beside(f"{where}: p99 time of one-pass", times["rule"].p99_us, "us")
    yield beside(f"{where}: median time of torch.topk", times["torch.topk"].median_us, "us")
