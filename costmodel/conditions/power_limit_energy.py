"""Energy estimated from the power limit, for a cost whose energy was not measured.

Between idle power and the limit the power follows the utilisation of what bounds the call:
P = idle + (limit - idle) x roofline / latency. For the rows above 100 us of a public table of H200
matrix products (aiconfigurator, by NVML) its mean error is 15 %, and its 95th percentile 31 %.
Shorter rows of that table have no usable power to compare with.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from ...store.provenance import EnergySource, Provenance
from ..cost import Cost
from ..roofline import Roofline

# Lowest powers of public tables over the power limit: H200 126 of 700 W, B200 241 of 1000, GB200
# 222 of 1200 (aiconfigurator), A100 PCIe 56 of 250 (GPU_Power_Benchmark): 0.18 to 0.24.
_IDLE_SHARE: Final = 0.18
NO_LIMIT: Final = "and no estimate: the device's power limit is not known"
NO_ROOFLINE: Final = "and no estimate: the call's work, or the device's rates, are not known"


def assumed_idle_w(limit_w: float) -> float:
    """Idle power of a GPU whose own was not measured, by its power limit."""
    return _IDLE_SHARE * limit_w


def with_estimated_energy(
    cost: Cost, idle_power_w: float | None, bound: Roofline | None, provenance: Provenance
) -> Cost:
    """A cost with an estimated energy; one that has an energy is returned unchanged.

    The interval reaches from idle power over the shortest latency to the power limit over the
    longest; longer calls under a steady load are not taken into account. Without a power limit or
    a roofline the energy stays None, and `energy_reason` names what is missing.
    """
    if cost.energy_mj is not None:
        return cost
    limit_w = None if provenance.gpu is None else provenance.gpu.power_limit_w
    if limit_w is None or bound is None:
        why = NO_LIMIT if limit_w is None else NO_ROOFLINE
        return replace(cost, energy_reason=f"{cost.energy_reason}; {why}")
    idle_w = idle_power_w or assumed_idle_w(limit_w)
    used = min(1.0, float(bound.bound_us(np.array([cost.tokens]))[0]) / cost.latency_us)
    power_w = idle_w + (limit_w - idle_w) * used
    return replace(
        cost,
        energy_mj=power_w * cost.latency_us / 1000,
        energy_mj_lo=idle_w * cost.latency_us_lo / 1000,
        energy_mj_hi=limit_w * cost.latency_us_hi / 1000,
        power_w=power_w,
        energy_source=EnergySource.ESTIMATED.value,
        energy_reason=f"from a power limit of {limit_w:g} W, as {cost.energy_reason}",
        estimated=True,
    )
