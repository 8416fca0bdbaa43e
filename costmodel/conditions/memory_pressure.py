"""A cost while other work takes a share of the memory bandwidth."""

from dataclasses import replace

import numpy as np

from ...store.cost_model import CurveModel
from ...store.errors import BadInput
from ...store.provenance import EnergySource
from ..breakdown import NO_IDLE_POWER
from ..cost import Cost
from ..roofline import Roofline


def under_pressure(cost: Cost, curve: CurveModel, bound: Roofline | None, share: float) -> Cost:
    """Estimate a cost when other work takes `share` of the memory bandwidth, 0 to below 1.

    The latency grows by as much as the roofline does: not at all where arithmetic bounds the call.
    In the added time the device draws idle power. Raises BadInput for a share outside [0, 1), and
    where the roofline is not known.
    """
    if not 0 <= share < 1:
        raise BadInput(f"the memory pressure is {share}, and it must be from 0 to below 1")
    if bound is None:
        raise BadInput(
            f"what memory pressure does to {cost.op} cannot be told: its work is not known"
        )
    size = np.array([cost.tokens])
    added_us = float((_squeezed(bound, share).bound_us(size) - bound.bound_us(size))[0])
    latency_us = cost.latency_us + added_us
    factor = latency_us / cost.latency_us
    energy_mj = _with_idle(cost.energy_mj, curve.idle_power_w, added_us)
    known = energy_mj is not None
    return replace(
        cost,
        latency_us=latency_us,
        latency_us_lo=cost.latency_us_lo * factor,
        latency_us_hi=cost.latency_us_hi * factor,
        energy_mj=energy_mj,
        energy_mj_lo=None,
        energy_mj_hi=None,
        energy_source=cost.energy_source if known else EnergySource.UNAVAILABLE.value,
        energy_reason=None if known else cost.energy_reason or NO_IDLE_POWER,
        power_w=None if energy_mj is None else energy_mj / (cost.sustained_ms * factor),
        temp_rise_c=None,
        measured=False,
        measured_once=False,
        estimated=True,
    )


def _squeezed(bound: Roofline, share: float) -> Roofline:
    """The roofline with the rest of the memory bandwidth."""
    left = None if bound.bytes_per_s is None else bound.bytes_per_s * (1 - share)
    return Roofline(bound.work, bound.flops_per_s, left)


def _with_idle(energy_mj: float | None, idle_w: float | None, added_us: float) -> float | None:
    """Energy with idle power in the added time; None where either is unknown."""
    if energy_mj is None or added_us <= 0:
        return energy_mj
    return None if idle_w is None else energy_mj + idle_w * added_us / 1000
