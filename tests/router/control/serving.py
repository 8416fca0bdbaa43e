"""A layer of four experts, two dear and two cheap, as the controllers' tests serve it."""

from dataclasses import replace
from typing import Final

import numpy as np

from moeprof.router.control.controller import Controller, Telemetry
from moeprof.router.control.power_model import PowerModel
from moeprof.router.control.served_layer import ServedLayer
from moeprof.router.expert_costs import ExpertCosts

IDLE_W: Final = 100.0
LOADS: Final = np.array([0.0, 64.0])
COSTS: Final = ExpertCosts(
    loads=LOADS,
    latency_s=np.array([2e-6, 1e-6, 2e-6, 1e-6])[:, None] * LOADS,
    energy_j=np.array([3e-3, 1e-3, 3e-3, 1e-3])[:, None] * LOADS,
    idle_power_w=IDLE_W,
    gpu_of=np.zeros(4, np.int64),
)
LAYER: Final = ServedLayer(COSTS, np.full(4, 0.25), tokens=64, top_k=1)
NO_ENERGY: Final = replace(
    LAYER,
    costs=replace(COSTS, energy_j=0 * COSTS.energy_j, idle_power_w=0.0, energy_reason="none"),
)
MODEL: Final = PowerModel(LAYER)  # 2 mJ for a token without a price


def served(controller: Controller, seconds: float, *, tokens_per_s: float, **told: float) -> float:
    """Tick at 10 Hz, with readings within 0.1 W; give the last power in W.

    `told` has `offset_w` and `gain` of the GPU beside the model, and `from_s`.
    """
    from_s, offset_w, gain = (
        told.get(name, rest) for name, rest in (("from_s", 0.0), ("offset_w", 0.0), ("gain", 1.0))
    )
    price, deferred, power_w = 0.0, 0.0, 0.0
    for at in range(round(seconds * 10)):
        energy_j = gain * MODEL.energy_at_j(price)
        power_w = IDLE_W + offset_w + tokens_per_s * (1 - deferred) * energy_j
        at_s = from_s + (at + 1) / 10
        read_w = power_w + 0.1 * (-1) ** at  # no real sensor repeats itself to the last bit
        decision = controller.tick(Telemetry(at_s, read_w, None, tokens_per_s))
        price, deferred = decision.price_per_j or 0.0, decision.deferred_share
    return power_w
