"""Power and energy over a window, each with its interval, from readings of one sensor.

Pure functions over arrays: they know no file and no clock but that of the readings. Nothing is
clamped: what the sensor cannot say is None with a named reason.

The energy counter is exact at the moment when it changes, an *edge*, and up to a tenth of a second
old in between: so power is the difference of the counter between two edges over the time between
them. In windows of half a second that is some hundred times closer than the difference of two
readings (benchmarks/energy.py).
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from .power_log import Series

NEEDED_TICKS: Final = 3  # intervals between edges, fewer of which say nothing of their scatter
DISAGREEMENT: Final = 0.03  # of two power sources, above which a point is marked
_TIGHT_NS: Final = 3_000_000  # an edge that is known less closely than this bounds no window
_AGREE: Final = 0.01  # relative difference of two ticks that count as settled
_PERIOD_S: Final = 0.1  # of a sensor whose changes do not tell it
_STILL: Final = 5  # periods, and no fewer of 0.1 s, for which no counter that works stands still
_ALIAS: Final = 0.1  # of the refresh period: how close to a multiple of it a load may beat
_MULTIPLES: Final = (1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4)
_NS: Final = 1e9


class Unusable(StrEnum):
    """Why a sensor's readings give no power over a window."""

    TOO_FEW_TICKS = "too few ticks of the sensor in the window"
    STUCK = "the energy counter did not move"
    RESET = "the energy counter went backwards: it was reset"
    NO_READINGS = "no reading succeeded in the window"


@dataclass(frozen=True, slots=True)
class Measured:
    """A quantity with the half-width of its 95 % interval, from `n` ticks; or the reason for none.

    `ci95` is None where `n` is too small to give one.
    """

    value: float | None
    ci95: float | None
    n: int
    reason: str | None = None

    def scaled(self, factor: float) -> "Measured":
        """The same in another unit, or per something."""
        if self.value is None:
            return self
        ci95 = None if self.ci95 is None else self.ci95 * abs(factor)
        return Measured(self.value * factor, ci95, self.n)


@dataclass(frozen=True, slots=True)
class Edges:
    """Moments at which the counter changed, shape (n,): when, how closely known, and to what.

    `time_ns` (float64) is the middle of the interval in which it changed, `width_ns` its length;
    `energy_mj` is the counter from then on.
    """

    time_ns: npt.NDArray[np.float64]
    width_ns: npt.NDArray[np.float64]
    energy_mj: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time_ns)

    def between(self, begin_ns: float, end_ns: float) -> "Edges":
        """The edges that surely lie inside the window."""
        half = self.width_ns / 2
        inside = (self.time_ns - half >= begin_ns) & (self.time_ns + half <= end_ns)
        return Edges(self.time_ns[inside], self.width_ns[inside], self.energy_mj[inside])

    def powers_w(self) -> npt.NDArray[np.float64]:
        """Mean power between each two edges, shape (n - 1,)."""
        return np.diff(self.energy_mj) / np.diff(self.time_ns) * _NS / 1000


def counter_edges(counter: Series) -> Edges:
    """The edges of an energy counter (mJ) that are known to 3 ms; a step down is no edge."""
    good = counter.good()
    changed = np.flatnonzero(np.diff(good.value) > 0)
    opens, closes = good.begin_ns[changed], good.end_ns[changed + 1]
    tight = closes - opens <= _TIGHT_NS
    middle = opens + (closes - opens) / 2
    return Edges(
        middle[tight], (closes - opens)[tight].astype(float), good.value[changed + 1][tight]
    )


def counter_power_w(counter: Series, begin_ns: int, end_ns: int) -> Measured:
    """Mean power over [begin_ns, end_ns] from an energy counter in mJ, edge to edge.

    The interval counts how closely the two outer edges are known, by the reader's timing and by the
    sensor's own, and the parts of the window outside them, where power is taken to be the same
    within the scatter of the ticks inside.
    """
    inside = counter.between(begin_ns, end_ns).good()
    if not len(inside):
        return Measured(None, None, 0, Unusable.NO_READINGS)
    if (np.diff(inside.value) < 0).any():
        return Measured(None, None, 0, Unusable.RESET)
    if _stands_still(counter, begin_ns, end_ns):
        return Measured(None, None, 0, Unusable.STUCK)
    edges = counter_edges(inside)
    ticks = len(edges) - 1
    if ticks < NEEDED_TICKS:
        return Measured(None, None, max(ticks, 0), Unusable.TOO_FEW_TICKS)
    span_ns = edges.time_ns[-1] - edges.time_ns[0]
    power_w = (edges.energy_mj[-1] - edges.energy_mj[0]) / span_ns * _NS / 1000
    return Measured(float(power_w), _half_width_w(edges, power_w, begin_ns, end_ns), ticks)


def edge_to_edge(
    counter: Series, edges: Edges | None, begin_ns: int, end_ns: int
) -> tuple[int, int]:
    """From the first to the last of a counter's edges in [begin_ns, end_ns]; all of it without two.

    Where the counter failed or stood still at some time it is all of it, and so meets the fault.
    """
    failed = counter.between(begin_ns, end_ns).code.any()
    if edges is None or len(edges) < 2 or failed or _stands_still(counter, begin_ns, end_ns):
        return begin_ns, end_ns
    first_ns, last_ns = edges.time_ns[[0, -1]] + edges.width_ns[[0, -1]] * (-0.5, 0.5)
    return math.floor(first_ns), math.ceil(last_ns)


def _stands_still(counter: Series, begin_ns: int, end_ns: int) -> bool:
    """Whether the counter kept one value for five of its periods, and for half a second."""
    inside = counter.between(begin_ns, end_ns).good()
    if not len(inside):
        return False
    changed = np.flatnonzero(np.diff(inside.value)) + 1
    since_ns = inside.begin_ns[np.append(0, changed)]
    until_ns = inside.end_ns[np.append(changed - 1, -1)]
    period_s = max(_PERIOD_S, update_period_s(counter) or 0)
    return float((until_ns - since_ns).max()) > _STILL * period_s * _NS


def _half_width_w(edges: Edges, power_w: float, begin_ns: int, end_ns: int) -> float:
    ticks = len(edges) - 1
    lengths_ns = np.diff(edges.time_ns)
    scatter_w = float(np.std(edges.powers_w(), ddof=1))
    # Edges that the sensor shows late by chance make ticks scatter in power and in length alike.
    late_w = min(scatter_w, power_w * float(np.std(lengths_ns, ddof=1) / np.mean(lengths_ns)))
    ends_ns = np.array([edges.time_ns[0] - begin_ns, end_ns - edges.time_ns[-1]])
    unseen_mj2 = scatter_w**2 * (1 + 1 / ticks) * float((ends_ns**2).sum())
    timing_mj2 = power_w**2 * float(edges.width_ns[0] ** 2 + edges.width_ns[-1] ** 2) / 12
    late_mj2 = (late_w * float(np.mean(lengths_ns))) ** 2
    student = float(stdtrit(ticks - 1, 0.975))
    return student * math.sqrt(unseen_mj2 + timing_mj2 + late_mj2) / (end_ns - begin_ns)


def integrated_power_w(power: Series, begin_ns: int, end_ns: int) -> Measured:
    """Mean power over a window from a sensor that gives power alone (mW): its time-weighted mean.

    Each reading stands for the time until the next. The interval is that of the mean of as many
    independent readings; what the sensor does not see between its refreshes it cannot count.
    """
    near = power.around(begin_ns, end_ns).good()
    inside = power.between(begin_ns, end_ns).good()
    if not len(inside):
        return Measured(None, None, 0, Unusable.NO_READINGS)
    if len(inside) < NEEDED_TICKS + 1:
        return Measured(None, None, len(inside), Unusable.TOO_FEW_TICKS)
    middle = (near.begin_ns + near.end_ns) / 2
    bounds = np.clip(np.append(middle, end_ns), begin_ns, end_ns)
    weights = np.diff(bounds)
    weights[0] += bounds[0] - begin_ns  # no reading before the window: the first stands for it
    power_w = float(np.average(near.value, weights=weights)) / 1000
    error_w = float(np.std(inside.value, ddof=1)) / 1000 / math.sqrt(len(inside))
    return Measured(power_w, float(stdtrit(len(inside) - 1, 0.975)) * error_w, len(inside))


def update_period_s(sensor: Series) -> float | None:
    """Median time between changes of a sensor's value; None below three changes.

    Changes that the recorder skipped on purpose make it a multiple of the true period at worst.
    """
    good = sensor.good()
    changed = np.flatnonzero(np.diff(good.value) != 0)
    if len(changed) < NEEDED_TICKS:
        return None
    middle = (good.begin_ns[changed] + good.end_ns[changed + 1]) / 2
    return float(np.median(np.diff(middle))) / _NS


def refreshes(sensor: Series) -> Series:
    """One reading for each refresh of a sensor that was read more often; no mean changes by it.

    A value that stays counts once in each update period, of 0.1 s where that is not known.
    """
    good = sensor.good()
    changed = np.diff(good.value, prepend=np.nan) != 0
    period_s = update_period_s(good) or _PERIOD_S
    since = good.begin_ns[changed][np.cumsum(changed) - 1]
    turn = ((good.begin_ns - since) / (period_s * _NS)).astype(np.int64)
    return good.take(changed | (np.diff(turn, prepend=0) > 0))


def settled_ns(edges: Edges) -> float | None:
    """When the load had settled: the first edge after two ticks that agree within 1 %."""
    powers = edges.powers_w()
    agree = np.flatnonzero(np.abs(np.diff(powers)) <= _AGREE * np.abs(powers[1:]))
    return float(edges.time_ns[agree[0] + 2]) if len(agree) else None


def beats_with_sensor(load_period_s: float, update_period_s: float) -> bool:
    """Whether a load's bursts lie so close to the sensor's refreshes that it may see one phase.

    True within 10 % of the refresh period, or of a small multiple or fraction of it.
    """
    ratio = load_period_s / update_period_s
    return any(abs(ratio / multiple - 1) < _ALIAS for multiple in _MULTIPLES)


def disagreement(one: Measured, other: Measured) -> float | None:
    """Relative difference of two sources of the same power; None where one of them is missing."""
    if one.value is None or other.value is None or other.value == 0:
        return None
    return one.value / other.value - 1


def difference(power: Measured, idle: Measured) -> Measured:
    """Power above idle, with both intervals in it. It may well be negative, and stays so."""
    for part in (power, idle):
        if part.value is None:
            return part
    assert power.value is not None
    assert idle.value is not None
    known = power.ci95 is not None and idle.ci95 is not None
    ci95 = math.hypot(power.ci95 or 0, idle.ci95 or 0) if known else None
    return Measured(power.value - idle.value, ci95, min(power.n, idle.n))
