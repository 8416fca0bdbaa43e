"""One cost split into its parts: memory, compute, launch, static and dynamic energy."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..store.cost_model import CostModelFile, CurveModel
from .cost import Cost
from .roofline import Roofline
from .thermal.description import why_lower_bound, why_no_thermal

NO_BOUND: Final = "its work, or the device's rates, is unknown"
NO_ENERGY: Final = "no energy is known here"
NO_IDLE_POWER: Final = "no idle power was recorded"


@dataclass(frozen=True, slots=True)
class CostBreakdown:
    """The parts of one call's cost; an unknown part is None, and `reasons` holds the reason.

    `reasons` also flags a temperature rise that is only a lower bound.

    `memory_us` and `compute_us` are the times of the call's bytes and arithmetic at the peak rates
    of the device: they overlap, and the larger one, named by `bound`, bounds the call. `launch_us`
    is the time between the call's kernels; `rest_us` is the latency beyond the bound. Static energy
    is that of the idle device in the same time, dynamic energy the rest.
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
    """Split one cost of a curve of a model."""
    launch_us = None
    if curve.gap_us is not None:
        launch_us = float(np.interp(cost.tokens, curve.knots_tokens, curve.gap_us))
    static_mj = _static_energy_mj(cost, curve)
    dynamic_mj = None
    if cost.energy_mj is not None and static_mj is not None:
        dynamic_mj = cost.energy_mj - static_mj
    return CostBreakdown(
        cost=cost,
        **_bounds(cost, bound),
        launch_us=launch_us,
        static_energy_mj=static_mj,
        dynamic_energy_mj=dynamic_mj,
        temp_rise_c=cost.temp_rise_c,
        reasons=_reasons(cost, curve, bound, file),
    )


def _bounds(cost: Cost, bound: Roofline | None) -> dict[str, Any]:
    """The parts of the latency that follow from the roofline."""
    if bound is None:
        return dict.fromkeys(("memory_us", "compute_us", "bound", "rest_us"))
    size = np.array([cost.tokens])
    memory_us, compute_us = float(bound.memory_us(size)[0]), float(bound.compute_us(size)[0])
    return {
        "memory_us": memory_us,
        "compute_us": compute_us,
        "bound": "memory" if memory_us >= compute_us else "compute",
        "rest_us": cost.latency_us - max(memory_us, compute_us),
    }


def _static_energy_mj(cost: Cost, curve: CurveModel) -> float | None:
    if cost.energy_mj is None or curve.idle_power_w is None:
        return None
    return curve.idle_power_w * cost.sustained_ms


def _reasons(
    cost: Cost, curve: CurveModel, bound: Roofline | None, file: CostModelFile
) -> dict[str, str]:
    """Why parts are unknown, by name of the part."""
    why_no_static = None
    if cost.energy_mj is None:
        why_no_static = cost.energy_reason or NO_ENERGY
    elif curve.idle_power_w is None:
        why_no_static = NO_IDLE_POWER
    no_gaps = f"{curve.latency_source} time does not tell the gaps between kernels"
    why_no_rise = why_lower_bound(file.thermal)
    if cost.temp_rise_c is None:
        why_no_rise = why_no_thermal(file) or why_no_static
    reasons = {
        "memory_us": NO_BOUND if bound is None else None,
        "compute_us": NO_BOUND if bound is None else None,
        "launch_us": no_gaps if curve.gap_us is None else None,
        "static_energy_mj": why_no_static,
        "temp_rise_c": why_no_rise,
    }
    return {part: reason for part, reason in reasons.items() if reason is not None}
