"""Whether a measured value lies inside the model's interval, at 50, 80 and 95 % coverage."""

from math import exp, hypot, log, sqrt
from types import MappingProxyType
from typing import Final

from ..costmodel.cost import Cost
from ..stats.conformal import OF_95
from .fitted import Fitted

# Columns of `points`, with the same names as the fields of Cost.
COLUMNS: Final = MappingProxyType(
    {"latency": "latency_us", "power": "power_w", "energy": "energy_mj"}
)
PERCENTS: Final = (50, 80, 95)


def inside_intervals(
    fitted: Fitted, cost: Cost, metric: str, measured: float
) -> dict[int, bool | None]:
    """Whether `measured` lies inside the interval of a cost's quantity, by coverage in percent.

    None where the model gives no interval. The interval of energy combines those of latency and
    power in quadrature, as of independent errors.
    """
    predicted = getattr(cost, COLUMNS[metric])
    return {
        percent: None
        if half is None
        else predicted / exp(half) <= measured <= predicted * exp(half)
        for percent, half in half_widths(fitted, cost, metric).items()
    }


def half_widths(fitted: Fitted, cost: Cost, metric: str) -> dict[int, float | None]:
    """Half widths of the intervals, as |log| ratios, by coverage in percent; None without one."""
    times = {percent: _time_half(fitted, cost, percent) for percent in PERCENTS}
    if metric == "latency":
        return dict(times)
    power_95 = _power_half_95(cost)
    if power_95 is None:
        return dict.fromkeys(PERCENTS)
    powers = {percent: power_95 * OF_95[percent] for percent in PERCENTS}
    if metric == "power":
        return dict(powers)
    return {percent: hypot(half, powers[percent]) for percent, half in times.items()}


def _time_half(fitted: Fitted, cost: Cost, percent: int) -> float:
    if percent == 95:
        return log(cost.latency_us_hi / cost.latency_us)
    return log(fitted.interval_us(cost.tokens, percent)[1] / cost.latency_us)


def _power_half_95(cost: Cost) -> float | None:
    """Half width of the power: that of the energy without that of the latency, in quadrature."""
    if cost.energy_mj is None or cost.energy_mj_hi is None:
        return None
    time, energy = (
        log(cost.latency_us_hi / cost.latency_us),
        log(cost.energy_mj_hi / cost.energy_mj),
    )
    return sqrt(max(0.0, energy**2 - time**2))
