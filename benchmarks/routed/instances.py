"""Layers and batches to solve Program C for: two formats of weights, tiles, noise, and caps."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from moeprof.router.expert_costs import ExpertCosts
from moeprof.router.programs.load_program import LoadPrices, LoadProgram
from moeprof.stats.arrays import Float64

IDLE_W = 120.0
TOKENS, K = 512, 8
Cap = Literal["none", "routed", "paced"]
CAPS: tuple[Cap, ...] = ("none", "routed", "paced")


@dataclass(frozen=True, eq=False)
class Instance:
    """A program, and the batch that it is solved for."""

    program: LoadProgram
    shares: Float64
    assignments: float
    prices: LoadPrices
    cap_w: float | None


def instances(rng: np.random.Generator, experts: int, gpus: int, count: int) -> Iterator[Instance]:
    """Instances without a cap, with one that loads meet, and with one that makes the step wait."""
    found = 0
    while found < count:
        free = drawn(rng, experts, gpus)
        cap = CAPS[found % 3]
        cap_w = None if cap == "none" else capped_w(free, rng, cap)
        if cap == "none" or cap_w is not None:
            found += 1
            yield replace(free, cap_w=cap_w)


def drawn(rng: np.random.Generator, experts: int, gpus: int) -> Instance:
    """A batch without a cap: half of the experts bf16, half int4, 3 % noise on their energy."""
    loads = np.unique(np.r_[0, np.round(np.geomspace(1, TOKENS, 16))])
    bf16 = rng.random(experts) < 0.5
    weight_bytes = np.where(bf16, 9.4e6, 2.6e6) * rng.uniform(0.8, 1.2, experts)
    flops = 9.4e6 * rng.uniform(0.8, 1.2, experts)
    computed = np.ceil(loads / 64) * 64 * flops[:, None]
    latency_s = np.maximum(weight_bytes[:, None] / 4e12, computed / 7e14) + loads * 2e-9
    energy_j = weight_bytes[:, None] * 60e-12 + loads * (flops[:, None] * 0.5e-12 + 5e-7)
    energy_j *= rng.uniform(0.97, 1.03, energy_j.shape)
    latency_s[:, 0] = energy_j[:, 0] = 0.0
    gpu_of = np.arange(experts) * gpus // experts
    costs = ExpertCosts(loads, latency_s, energy_j, IDLE_W, gpu_of)
    k = min(K, experts // 2)
    own = np.minimum(TOKENS * k * rng.dirichlet(np.full(experts, 2.0)), TOKENS)
    prices = LoadPrices(10 ** rng.uniform(-7, -4), float(rng.choice([0.0, 50.0, 2000.0])))
    return Instance(LoadProgram(costs), own, float(own.sum()), prices, None)


def capped_w(free: Instance, rng: np.random.Generator, verdict: Cap) -> float | None:
    """A cap that has this verdict, of up to 20 that are drawn; None where none has it."""
    loose = free.program.solve(free.shares, free.assignments, free.prices)
    for _ in range(20):
        part = rng.uniform(0.85, 1.0) if verdict == "routed" else rng.uniform(0.3, 0.9)
        cap_w = IDLE_W + part * (loose.power_w - IDLE_W)
        tight = free.program.solve(free.shares, free.assignments, free.prices, cap_w)
        if tight.verdict == verdict:
            return cap_w
    return None
