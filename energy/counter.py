"""Power from an energy counter, between the moments at which it changes: its edges.

NVML's counter changes about ten times a second. At an edge its value is exact; in between it is up
to a tenth of a second old. So power is the difference of the counter between two edges over the
time between them. In windows of half a second the error of that is some hundred times smaller than
that of the difference of any two readings (benchmarks/energy.py).

No edge is known more closely than a call of NVML takes. Where calls are slow, edges are wide: the
power of a steady load is then the slope of a line through all of them.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ..stats.arrays import Float64
from ..stats.measured import Measured
from ..stats.student import half_width
from .power_log import Series
from .readings import DEFAULT_PERIOD_S, MIN_TICKS, Unusable, update_period_s

_MAX_WIDTH_NS: Final = 3_000_000  # an edge that is known less closely is wide
_TIGHT_OF: Final = 4  # one of so many edges must be known to that, or all count
_LINE_EDGES: Final = 8  # fewer wide edges do not show whether they lie on a line
_LINE_SCATTER: Final = 2.0  # mean squared residual over that of the widths, up to which they do
_AGREE: Final = 0.01  # relative difference of two ticks in a row that counts as settled
_STILL_PERIODS: Final = 5  # without a change, each at least 0.1 s: the counter is stuck
_NS: Final = 1e9


@dataclass(frozen=True, slots=True)
class Edges:
    """Changes of an energy counter, float64 arrays of shape (n,).

    The counter changed within `width_ns` around `time_ns`, on the log's clock; `energy_mj` is its
    value from then on.
    """

    time_ns: Float64
    width_ns: Float64
    energy_mj: Float64

    def __len__(self) -> int:
        return len(self.time_ns)

    @property
    def are_wide(self) -> bool:
        """Whether they are known less closely than 3 ms, at the median."""
        return len(self) > 0 and float(np.median(self.width_ns)) > _MAX_WIDTH_NS

    def between(self, begin_ns: float, end_ns: float) -> "Edges":
        """The edges that lie inside the window with all of their width."""
        half = self.width_ns / 2
        return self.take((self.time_ns - half >= begin_ns) & (self.time_ns + half <= end_ns))

    def take(self, which: npt.NDArray[np.bool_]) -> "Edges":
        """The edges that a mask chooses."""
        return Edges(self.time_ns[which], self.width_ns[which], self.energy_mj[which])

    def powers_w(self) -> Float64:
        """Mean power of each tick, the time between two neighbouring edges, W, shape (n - 1,)."""
        return np.diff(self.energy_mj) / np.diff(self.time_ns) * _NS / 1000


def counter_edges(counter: Series) -> Edges:
    """Edges of an energy counter (mJ) that are known to 3 ms. A decrease is no edge.

    Where less than a quarter are, because NVML answers slowly, all that are known to one update
    period. Of a fast counter that is not read all the time half of the changes are wide.
    """
    good = counter.good()
    changed = np.flatnonzero(np.diff(good.value) > 0)
    opens, closes = good.begin_ns[changed], good.end_ns[changed + 1]
    width_ns = (closes - opens).astype(float)
    edges = Edges(opens + width_ns / 2, width_ns, good.value[changed + 1])
    tight = width_ns <= _MAX_WIDTH_NS
    if len(edges) <= _TIGHT_OF * np.count_nonzero(tight):
        return edges.take(tight)
    return edges.take(width_ns <= (update_period_s(good) or DEFAULT_PERIOD_S) * _NS)


def edge_to_edge_power_w(counter: Series, begin_ns: int, end_ns: int) -> Measured:
    """Mean power between the first and the last edge in [begin_ns, end_ns] of a counter in mJ, W.

    Where the edges are wide and lie on a line it is the slope of that. Else the half width includes
    three uncertainties: of the times of the two edges, of the delay with which the sensor shows
    them, and of the power in the parts of the window outside the two edges, which is assumed to be
    the same within the scatter of the ticks.
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
    if ticks < MIN_TICKS:
        return Measured(None, None, max(ticks, 0), Unusable.TOO_FEW_TICKS)
    line = line_power_w(edges) if edges.are_wide else None
    if line is not None:
        return line
    span_ns = edges.time_ns[-1] - edges.time_ns[0]
    power_w = (edges.energy_mj[-1] - edges.energy_mj[0]) / span_ns * _NS / 1000
    return Measured(float(power_w), _half_width_w(edges, power_w, begin_ns, end_ns), ticks)


def line_power_w(edges: Edges) -> Measured | None:
    """Slope of a line through edges, W; None where they lie on none within their widths.

    None too of less than eight edges.

    Least squares of the times over the energies, which are exact; each time is anywhere within its
    width. A power that changes bends the line.
    """
    if len(edges) < _LINE_EDGES:
        return None
    weights = 12 / edges.width_ns**2
    energy = edges.energy_mj - np.average(edges.energy_mj, weights=weights)
    time = edges.time_ns - np.average(edges.time_ns, weights=weights)
    spread = float(np.sum(weights * energy**2))
    slope = float(np.sum(weights * energy * time)) / spread  # ns for each mJ
    freedom = len(edges) - 2
    scatter = float(np.sum(weights * (time - slope * energy) ** 2)) / freedom
    if scatter > _LINE_SCATTER:
        return None
    power_w = _NS / 1000 / slope
    error = math.sqrt(max(scatter, 1.0) / spread) / slope
    return Measured(power_w, power_w * half_width(error, freedom), len(edges) - 1)


def outer_edges_ns(
    counter: Series, edges: Edges | None, begin_ns: int, end_ns: int
) -> tuple[int, int]:
    """Times of the first and the last of `edges`, ns; with fewer than two, the given bounds.

    The given bounds are returned too where the counter failed or stood still between them, so that
    the window contains that fault.
    """
    failed = counter.between(begin_ns, end_ns).code.any()
    if edges is None or len(edges) < 2 or failed or _stands_still(counter, begin_ns, end_ns):
        return begin_ns, end_ns
    first_ns, last_ns = edges.time_ns[[0, -1]] + edges.width_ns[[0, -1]] * (-0.5, 0.5)
    return math.floor(first_ns), math.ceil(last_ns)


def settled_ns(edges: Edges) -> float | None:
    """Time of the first edge after two ticks in a row that agree within 1 %; None if none do."""
    powers = edges.powers_w()
    agree = np.flatnonzero(np.abs(np.diff(powers)) <= _AGREE * np.abs(powers[1:]))
    return float(edges.time_ns[agree[0] + 2]) if len(agree) else None


def _stands_still(counter: Series, begin_ns: int, end_ns: int) -> bool:
    """Whether the counter kept one value for more than five periods of at least 0.1 s."""
    inside = counter.between(begin_ns, end_ns).good()
    if not len(inside):
        return False
    changed = np.flatnonzero(np.diff(inside.value)) + 1
    since_ns = inside.begin_ns[np.append(0, changed)]
    until_ns = inside.end_ns[np.append(changed - 1, -1)]
    period_s = max(DEFAULT_PERIOD_S, update_period_s(counter) or 0)
    return float((until_ns - since_ns).max()) > _STILL_PERIODS * period_s * _NS


def _half_width_w(edges: Edges, power_w: float, begin_ns: int, end_ns: int) -> float:
    """Half width of the 95 % interval of the window's mean power `power_w`, W."""
    ticks = len(edges) - 1
    lengths_ns = np.diff(edges.time_ns)
    scatter_w = float(np.std(edges.powers_w(), ddof=1))
    # A random delay of the edges scatters the power and the length of ticks by the same share: the
    # smaller of the two scatters is an upper bound of what the delay causes.
    late_w = min(scatter_w, power_w * float(np.std(lengths_ns, ddof=1) / np.mean(lengths_ns)))
    ends_ns = np.array([edges.time_ns[0] - begin_ns, end_ns - edges.time_ns[-1]])
    # Variances of the window's energy, in (W x ns)**2.
    unseen = scatter_w**2 * (1 + 1 / ticks) * float((ends_ns**2).sum())
    timing = power_w**2 * float(edges.width_ns[0] ** 2 + edges.width_ns[-1] ** 2) / 12
    late = (late_w * float(np.mean(lengths_ns))) ** 2
    error = math.sqrt(unseen + timing + late)  # W x ns
    return half_width(error, ticks - 1) / (end_ns - begin_ns)
