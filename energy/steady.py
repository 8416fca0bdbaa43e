"""Which part of a steady load counts: once its power has settled, from edge to edge of the counter.

The sweep asks while the load runs, to know when to end it; the parser asks again, and decides.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from ..store.recording import Load
from .counter import NEEDED_TICKS, Edges, counter_edges, edge_to_edge, settled_ns
from .power_log import Series
from .window import Window

WANTED_HALF_WIDTH: Final = 0.01
WANTED_TICKS: Final = 5
MAX_S: Final = 1.25  # of the settled part: a load that scatters for longer will not do better
_UNSETTLED_NS: Final = 500_000_000  # left out at the beginning where there are no edges to go by


def settled_edges(counter: Series, begin_ns: int, end_ns: int) -> Edges | None:
    """The edges of a load from when its power had settled; None where it did not."""
    edges = counter_edges(counter.between(begin_ns, end_ns))
    settled = settled_ns(edges)
    return None if settled is None else edges.between(settled - _half_width(edges, settled), end_ns)


def steady_window(counter: Series, load: Load) -> tuple[Window, bool]:
    """The window of a load that is to be measured, and whether it is known to have settled.

    It begins and ends with an edge, so that it holds whole ticks; where the counter failed or stood
    still at some time it goes on to the load's end, and so meets the fault. Launches are those that
    ended in it, counted between the load's marks as if they came evenly; a load without any is one
    launch.
    """
    begin_ns, end_ns = load.marks_ns[0], load.marks_ns[-1]
    edges = settled_edges(counter, begin_ns, end_ns)
    begin_ns = min(begin_ns + _UNSETTLED_NS, end_ns)
    begin_ns, end_ns = edge_to_edge(counter, edges, begin_ns, end_ns)
    counts = np.interp([begin_ns, end_ns], load.marks_ns, load.launches)
    launches = float(counts[1] - counts[0]) or 1.0
    return Window(begin_ns, end_ns, launches), edges is not None


def is_enough(counter: Series, begin_ns: int, now_ns: int) -> bool:
    """Whether a load that runs since `begin_ns` has shown enough of its power.

    That is at least five ticks since it settled, whose mean is known to 1 %; or 1.25 s of them.
    """
    edges = settled_edges(counter, begin_ns, now_ns)
    if edges is None or len(edges) < 2:
        return False
    if edges.time_ns[-1] - edges.time_ns[0] >= MAX_S * 1e9:
        return True
    return len(edges) > WANTED_TICKS and _is_known(edges.powers_w())


def power_moved(counter: Series, window: Window) -> str | None:
    """Say how far the ticks of a window went where their mean is not known to 1 %, else None.

    The first of the highest and the lowest is named first.
    """
    edges = counter_edges(counter).between(window.begin_ns, window.end_ns)
    if len(edges) <= NEEDED_TICKS:
        return None
    powers_w, energies_mj = edges.powers_w(), np.diff(edges.energy_mj)
    if _is_known(powers_w) or _is_known(energies_mj):  # late edges move power, lost ones energy
        return None
    first, last = sorted((int(powers_w.argmin()), int(powers_w.argmax())))
    return f"the power moved from {powers_w[first]:.3g} to {powers_w[last]:.3g} W within the load"


def _is_known(ticks: npt.NDArray[np.float64]) -> bool:
    """Whether the 95 % interval of the ticks' mean is within 1 % of it."""
    if len(ticks) < 2:
        return False
    half = stdtrit(len(ticks) - 1, 0.975) * np.std(ticks, ddof=1) / math.sqrt(len(ticks))
    return bool(half <= WANTED_HALF_WIDTH * np.mean(ticks))


def _half_width(edges: Edges, time_ns: float) -> float:
    return float(edges.width_ns[np.searchsorted(edges.time_ns, time_ns)]) / 2
