"""The idle power of a cost model's device: measured, or with estimates assumed."""

from dataclasses import dataclass
from statistics import median

from ...costmodel.conditions.power_limit_energy import assumed_idle_w
from ...costmodel.model import KernelCostModel


@dataclass(frozen=True, slots=True)
class IdlePower:
    """Idle power in W; `assumed` says from what, None where it was measured."""

    power_w: float
    assumed: str | None = None


def idle_power(model: KernelCostModel, *, allow_estimates: bool) -> IdlePower | None:
    """The median of what was measured; None where nothing was and estimates are not allowed.

    With estimates it is the share of the power limit of `assumed_idle_w`, or else the lowest power
    of any knot, which is an upper bound.
    """
    measured_w = [one.idle_power_w for one in model.file.fitted if one.idle_power_w is not None]
    if measured_w:
        return IdlePower(median(measured_w))
    if not allow_estimates:
        return None
    gpu = model.file.provenance.gpu
    if gpu is not None and gpu.power_limit_w is not None:
        idle_w = assumed_idle_w(gpu.power_limit_w)
        return IdlePower(idle_w, f"idle power is assumed from the power limit: {idle_w:.4g} W")
    lowest_w = _lowest_power_w(model)
    if lowest_w is None:
        return None
    return IdlePower(
        lowest_w, f"idle power is assumed to be the lowest power of any kernel: {lowest_w:.4g} W"
    )


def _lowest_power_w(model: KernelCostModel) -> float | None:
    powers_w = (
        power_w
        for curve in model.curves
        if curve.energy_mj is not None
        for power_w in model.get_costs(
            curve.curve, curve.energy_tokens or curve.knots_tokens
        ).power_w.tolist()
    )
    return min(powers_w, default=None)
