"""Experts of two weight formats with measured-looking costs, and shares of the tokens."""

import numpy as np

from moeprof.router.expert_costs import ExpertCosts
from moeprof.stats.arrays import Float64

IDLE_W = 120.0


def drawn(seed: int, experts: int, gpus: int = 1, most: int = 512) -> tuple[ExpertCosts, Float64]:
    """Costs of experts in bf16 and int4, in tiles of 64 rows with 3 % noise; and their shares.

    No share is above 1 / 2, so up to `most` tokens may pick 2 experts each.
    """
    draw = np.random.default_rng(seed)
    loads = np.unique(np.r_[0, np.round(np.geomspace(1, most, 16))])
    bf16 = draw.random(experts) < 0.5
    weight_bytes = np.where(bf16, 9.4e6, 2.6e6) * draw.uniform(0.8, 1.2, experts)
    flops = 9.4e6 * draw.uniform(0.8, 1.2, experts)
    read_s = weight_bytes[:, None] / 4e12
    latency_s = np.maximum(read_s, np.ceil(loads / 64) * 64 * flops[:, None] / 7e14) + loads * 2e-9
    energy_j = weight_bytes[:, None] * 60e-12 + loads * (flops[:, None] * 0.5e-12 + 5e-7)
    energy_j *= draw.uniform(0.97, 1.03, energy_j.shape)
    latency_s[:, 0] = energy_j[:, 0] = 0.0
    gpu_of = np.arange(experts) * gpus // experts
    shares = np.minimum(draw.dirichlet(np.full(experts, 2.0)), 0.5)
    return ExpertCosts(loads, latency_s, energy_j, IDLE_W, gpu_of), shares / shares.sum()
