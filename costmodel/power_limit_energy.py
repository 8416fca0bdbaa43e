"""Energy where no meter told it: an estimate from the power limit, and marked as one.

A device draws something between its idle power and its limit. How far up is taken from how well
the call uses what bounds it: P = idle + (limit - idle) x roofline / latency. For the rows of a
public table of H200 matrix products (aiconfigurator, by NVML) that take more than 100 us this is
off by 15 % on average, and by 31 % at most for nineteen of twenty. Shorter rows of that table are
not known well enough to tell.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from ..store.provenance import Provenance
from .cost import Cost
from .roofline import Roofline

ESTIMATED: Final = "estimated"
# Lowest powers of public tables over the power limit: H200 126 of 700 W, B200 241 of 1000, GB200
# 222 of 1200 (aiconfigurator), A100 PCIe 56 of 250 (GPU_Power_Benchmark): 0.18 to 0.24.
_IDLE_SHARE: Final = 0.18
_NO_LIMIT: Final = "and no estimate: the device's power limit is not known"
_NO_ROOFLINE: Final = "and no estimate: the call's work, or the device's rates, are not known"


def with_estimated_energy(
    cost: Cost, idle_power_w: float | None, bound: Roofline | None, provenance: Provenance
) -> Cost:
    """Give a cost without energy an estimated one.

    Its interval reaches from idle power over the shortest time to the power limit over the longest;
    that calls without a pause may take longer than single ones is left out. A cost with energy is
    returned as it is; where nothing can be estimated its `energy_reason` says why.
    """
    if cost.energy_mj is not None:
        return cost
    limit_w = None if provenance.gpu is None else provenance.gpu.power_limit_w
    if limit_w is None or bound is None:
        why = _NO_LIMIT if limit_w is None else _NO_ROOFLINE
        return replace(cost, energy_reason=f"{cost.energy_reason}; {why}")
    idle_w = idle_power_w or _IDLE_SHARE * limit_w
    used = min(1.0, float(bound.bound_us(np.array([cost.tokens]))[0]) / cost.latency_us)
    power_w = idle_w + (limit_w - idle_w) * used
    return replace(
        cost,
        energy_mj=power_w * cost.latency_us / 1000,
        energy_mj_lo=idle_w * cost.latency_us_lo / 1000,
        energy_mj_hi=limit_w * cost.latency_us_hi / 1000,
        power_w=power_w,
        energy_source=ESTIMATED,
        energy_reason=f"from a power limit of {limit_w:g} W, as {cost.energy_reason}",
        estimated=True,
    )
