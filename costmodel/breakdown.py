"""What a cost is made of, and what it becomes under other conditions."""

from dataclasses import dataclass, replace

import numpy as np

from ..store.cost_model import CostModelFile, CurveModel, Thermal
from ..store.errors import BadInput
from .cost import Cost
from .roofline import Roofline
from .thermal.heat import why_lower_bound, why_no_heat


@dataclass(frozen=True, slots=True)
class CostBreakdown:
    """One call's cost, taken apart; what is not known is None, and `reasons` says why.

    So they do of a rise in temperature that is a lower bound.

    `memory_us` and `compute_us` are what its bytes and its arithmetic take at the device's best
    rates: they overlap, and the larger one bounds the call. `launch_us` is the time between the
    call's kernels; `rest_us` is what is left of the latency beyond the bound. Static energy is what
    the idle device would have used in that time, dynamic energy the rest.
    """

    cost: Cost
    memory_us: float | None
    compute_us: float | None
    bound: str | None
    launch_us: float | None
    rest_us: float | None
    static_energy_mj: float | None
    dynamic_energy_mj: float | None
    temp_rise_c: float | None
    reasons: dict[str, str]


def take_apart(
    cost: Cost, curve: CurveModel, bound: Roofline | None, file: CostModelFile
) -> CostBreakdown:
    """Take one cost of a curve of a model apart."""
    reasons: dict[str, str] = {}
    memory_us = compute_us = rest_us = name = None
    if bound is None:
        reasons["memory_us"] = reasons["compute_us"] = "its work, or the device's rates, is unknown"
    else:
        size = np.array([cost.tokens])
        memory_us, compute_us = float(bound.memory_us(size)[0]), float(bound.compute_us(size)[0])
        name = "memory" if memory_us >= compute_us else "compute"
        rest_us = cost.latency_us - max(memory_us, compute_us)
    launch_us = None
    if curve.gap_us is None:
        reasons["launch_us"] = f"{curve.latency_source} time does not tell the gaps between kernels"
    else:
        launch_us = float(np.interp(cost.tokens, curve.knots_tokens, curve.gap_us))
    static = dynamic = None
    if cost.energy_mj is None:
        reasons["static_energy_mj"] = cost.energy_reason or "no energy is known here"
    elif curve.idle_power_w is None:
        reasons["static_energy_mj"] = "no idle power was recorded"
    else:
        static = curve.idle_power_w * _sustained_ms(cost)
        dynamic = cost.energy_mj - static
    if cost.temp_rise_c is None:
        reasons["temp_rise_c"] = why_no_heat(file) or reasons["static_energy_mj"]
    elif (least := why_lower_bound(file.thermal)) is not None:
        reasons["temp_rise_c"] = least
    return CostBreakdown(
        cost=cost,
        memory_us=memory_us,
        compute_us=compute_us,
        bound=name,
        launch_us=launch_us,
        rest_us=rest_us,
        static_energy_mj=static,
        dynamic_energy_mj=dynamic,
        temp_rise_c=cost.temp_rise_c,
        reasons=reasons,
    )


def under_pressure(cost: Cost, curve: CurveModel, bound: Roofline | None, share: float) -> Cost:
    """Estimate a cost when others take `share` of the memory bandwidth, 0 to below 1.

    Only what the memory bounds takes longer: the latency grows by as much as the roofline does.
    Raises BadInput for a share outside [0, 1), and where the roofline is not known.
    """
    if not 0 <= share < 1:
        raise BadInput(f"the memory pressure is {share}, and it must be from 0 to below 1")
    if bound is None:
        raise BadInput(
            f"what memory pressure does to {cost.op} cannot be told: its work is not known"
        )
    size = np.array([cost.tokens])
    squeezed = Roofline(bound.work, bound.flops_per_s, _less(bound.bytes_per_s, share))
    added_us = float((squeezed.bound_us(size) - bound.bound_us(size))[0])
    latency_us = cost.latency_us + added_us
    stretch = latency_us / cost.latency_us
    energy_mj = cost.energy_mj
    if energy_mj is not None and added_us > 0:
        idle = curve.idle_power_w
        energy_mj = None if idle is None else energy_mj + idle * added_us / 1000
    known = energy_mj is not None
    return replace(
        cost,
        latency_us=latency_us,
        latency_us_lo=cost.latency_us_lo * stretch,
        latency_us_hi=cost.latency_us_hi * stretch,
        energy_mj=energy_mj,
        energy_mj_lo=None,
        energy_mj_hi=None,
        energy_source=cost.energy_source if known else "unavailable",
        energy_reason=None if known else cost.energy_reason or "no idle power was recorded",
        power_w=None if energy_mj is None else energy_mj / (_sustained_ms(cost) * stretch),
        temp_rise_c=None,
        measured=False,
        estimated=True,
    )


def at_temperature(cost: Cost, thermal: Thermal | None, current_temp_c: float) -> Cost:
    """Add the leakage of a warmer device; the cost as it is where leakage was not fitted.

    Raises BadInput for a temperature at which no device works, or so cold that no power is left.
    """
    if not -273.15 < current_temp_c < 200:
        raise BadInput(f"the temperature is {current_temp_c} °C, and no device works there")
    if thermal is None or thermal.leakage_w_per_c is None or cost.power_w is None:
        return cost
    assert thermal.reference_temp_c is not None
    assert thermal.leakage_w_per_c_ci95 is not None
    warmer_c = current_temp_c - thermal.reference_temp_c
    power_w = cost.power_w + thermal.leakage_w_per_c * warmer_c
    half_w = thermal.leakage_w_per_c_ci95 * abs(warmer_c)
    if power_w <= half_w:
        raise BadInput(
            f"at {current_temp_c} °C {cost.op} would draw no power, so far is that from the "
            f"{thermal.reference_temp_c:.3g} °C of the measurement"
        )
    lo, hi = cost.energy_mj_lo, cost.energy_mj_hi
    return replace(
        cost,
        energy_mj=power_w * _sustained_ms(cost),
        energy_mj_lo=None if lo is None else lo * (power_w - half_w) / cost.power_w,
        energy_mj_hi=None if hi is None else hi * (power_w + half_w) / cost.power_w,
        power_w=power_w,
        estimated=True,
    )


def _sustained_ms(cost: Cost) -> float:
    """How long the device draws `power_w` for a call whose energy is known."""
    assert cost.energy_mj is not None
    assert cost.power_w is not None
    return cost.energy_mj / cost.power_w


def _less(rate: float | None, share: float) -> float | None:
    return None if rate is None else rate * (1 - share)
