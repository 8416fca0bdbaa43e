"""The window of a load that counts: its power has settled, and counter edges bound it.

The power pass asks while a load runs, to end it as soon as it has shown enough; the parser asks
again for the window that counts.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..stats.arrays import Float64
from ..stats.measured import Measured
from ..stats.student import mean_half_width
from ..store.recording import Load
from .counter import Edges, counter_edges, line_power_w, outer_edges_ns, settled_ns
from .power_log import Series
from .readings import MIN_TICKS

WANTED_HALF_WIDTH: Final = 0.01  # relative half width of the mean of the ticks
WANTED_TICKS: Final = 5
MAX_SETTLED_S: Final = 1.25  # longest settled part of a load; a longer one scatters no less
_UNSETTLED_NS: Final = 500_000_000  # left out at the beginning of a load without edges


@dataclass(frozen=True, slots=True)
class Window:
    """A time span on the log's clock, CLOCK_MONOTONIC, ns."""

    begin_ns: int
    end_ns: int

    @property
    def length_s(self) -> float:
        """Length, s."""
        return (self.end_ns - self.begin_ns) / 1e9


def steady_window(counter: Series, load: Load) -> tuple[Window, bool]:
    """The window in which a load is measured, and whether its power is known to have settled.

    It begins at the first edge after the power settled and ends at the last edge of the load, so
    that it contains whole ticks. Where the counter failed or stood still during the load, the
    window extends to the load's end and so contains the fault.
    """
    begin_ns, end_ns = load.marks_ns[0], load.marks_ns[-1]
    edges = settled_edges(counter, begin_ns, end_ns)
    begin_ns = min(begin_ns + _UNSETTLED_NS, end_ns)
    return Window(*outer_edges_ns(counter, edges, begin_ns, end_ns)), edges is not None


def settled_edges(counter: Series, begin_ns: int, end_ns: int) -> Edges | None:
    """Edges of a load from when its power had settled; None where it did not settle.

    The ticks between wide edges do not tell: it has settled where these lie on a line, from half a
    second on.
    """
    edges = counter_edges(counter.between(begin_ns, end_ns))
    if edges.are_wide:
        later = edges.between(begin_ns + _UNSETTLED_NS, end_ns)
        return None if line_power_w(later) is None else later
    settled = settled_ns(edges)
    if settled is None:
        return None
    half_width_ns = float(edges.width_ns[np.searchsorted(edges.time_ns, settled)]) / 2
    return edges.between(settled - half_width_ns, end_ns)


def is_enough(counter: Series, begin_ns: int, now_ns: int) -> bool:
    """Whether a load that began at `begin_ns` has shown enough of its power.

    Five settled ticks whose mean is known to 1 % are enough, and so are settled ticks of 1.25 s.
    """
    edges = settled_edges(counter, begin_ns, now_ns)
    if edges is None or len(edges) < 2:
        return False
    if edges.time_ns[-1] - edges.time_ns[0] >= MAX_SETTLED_S * 1e9:
        return True
    if edges.are_wide:
        return _is_close(line_power_w(edges))
    return len(edges) > WANTED_TICKS and _is_known(edges.powers_w())


def wide_edges(counter: Series, window: Window) -> str | None:
    """A sentence with how closely the window's edges are known; None where that is to 3 ms."""
    inside = counter.between(window.begin_ns, window.end_ns)
    edges = counter_edges(inside)
    if not edges.are_wide:
        return None
    call_ms = float(np.median(inside.end_ns - inside.begin_ns)) / 1e6
    return (
        f"NVML took {call_ms:.2g} ms to answer: power is that of {len(edges)} edges of its counter"
        f" known to {np.median(edges.width_ns) / 1e6:.2g} ms, with a wider interval"
    )


def power_moved(counter: Series, window: Window) -> str | None:
    """A sentence with the lowest and the highest tick's power, in order of time.

    None where the mean of the window's ticks is known to 1 %, there are less than three ticks, or
    their edges are wide.
    """
    edges = counter_edges(counter).between(window.begin_ns, window.end_ns)
    if len(edges) <= MIN_TICKS or edges.are_wide:
        return None
    powers_w, energies_mj = edges.powers_w(), np.diff(edges.energy_mj)
    # Late edges scatter the powers of ticks, missed ones their energies, a moving power both.
    if _is_known(powers_w) or _is_known(energies_mj):
        return None
    first, last = sorted((int(powers_w.argmin()), int(powers_w.argmax())))
    return f"the power moved from {powers_w[first]:.3g} to {powers_w[last]:.3g} W within the load"


def _is_close(power: Measured | None) -> bool:
    """Whether the half width of a power is at most 1 % of it."""
    if power is None or power.value is None or power.ci95 is None:
        return False
    return power.ci95 <= WANTED_HALF_WIDTH * power.value


def _is_known(ticks: Float64) -> bool:
    """Whether the half width of the mean of the ticks is at most 1 % of the mean."""
    if len(ticks) < 2:
        return False
    return bool(mean_half_width(ticks) <= WANTED_HALF_WIDTH * np.mean(ticks))
