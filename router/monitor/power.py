"""Power of a GPU while it is watched: from its energy counter, else from a field of NVML.

The counter changes about ten times a second, and is exact at these edges alone: power is the energy
between the first and the last edge of the last second over the time between them. The rules are
those of a recorded run (energy/counter.py, energy/faults.py): a counter that fails, is reset,
wraps, jumps or stands still gives no power, until that is a second ago.
"""

from collections import deque
from typing import Final, NamedTuple

import numpy as np

from ...device.nvml import (
    ENERGY,
    POWER_AVERAGE,
    POWER_INSTANT,
    POWER_LIMIT,
    POWER_USAGE,
    TEMP_GPU,
    NvmlCode,
)
from ...energy.counter import counter_edges
from ...energy.faults import Fault, faults, frozen
from ...energy.power_log import PowerLog, Series
from ...energy.readings import MIN_TICKS, Unusable
from .snapshot import Counted
from .source import Round, Row

_WINDOW_NS: Final = 1_000_000_000  # the counter's mean is over it
_FROZEN_NS: Final = 30_000_000_000  # a frozen power field or temperature shows in it
_STILL_NS: Final = 500_000_000  # five periods of a counter that changes every 0.1 s
_LOOSE: Final = 0.15  # widths of the outer edges over the time between them
_LOOSE_REASON: Final = "NVML is read too seldom to see the edges of the energy counter"
_FIELDS: Final = (POWER_INSTANT, POWER_USAGE, POWER_AVERAGE)  # the preferred one first
_NS: Final = 1e9


class ObservedPower(NamedTuple):
    """Power in W and the reading that it is from, or None; why it is not from the counter."""

    power_w: float | None
    reading: str | None
    reason: str | None
    counted: Counted | None


class _Recent:
    """The rows of one reading of the last `span_ns`."""

    def __init__(self, span_ns: int) -> None:
        self._rows: deque[Row] = deque()
        self._span_ns = span_ns

    def add(self, row: Row) -> bool:
        """Add a row; whether the one before it is of the span too."""
        self._rows.append(row)
        while self._rows[0].begin_ns < row.begin_ns - self._span_ns:
            self._rows.popleft()
        return len(self._rows) > 1

    def series(self) -> Series:
        """The rows as arrays; a value is NaN where the reading failed."""
        times = np.array([row[:2] for row in self._rows], np.int64).reshape(-1, 2)
        readings = [row.reading for row in self._rows]
        values = np.array([np.nan if r.value is None else r.value for r in readings], np.float64)
        return Series(times[:, 0], times[:, 1], np.array([r.code for r in readings], int), values)


class PowerObserver:
    """Takes the rows of one GPU as they are read, and gives its power."""

    def __init__(self) -> None:
        self._counter = _Recent(_WINDOW_NS)
        self._slow = {name: _Recent(_FROZEN_NS) for name in (*_FIELDS, TEMP_GPU)}
        self._limit = _Recent(_FROZEN_NS)
        self._since_s: float | None = None

    def take(self, rows: Round) -> ObservedPower:
        """Power after these rows."""
        kept = {ENERGY: self._counter, POWER_LIMIT: self._limit, **self._slow}
        for row in rows:
            name = row.reading.name
            if name in kept and not kept[name].add(row) and name == ENERGY:
                self._since_s = None  # nobody saw what the counter did in between
        power_w, reason, counted = self._by_counter(self._counter.series())
        if reason is None:
            return ObservedPower(power_w, ENERGY, None, counted)
        return self._by_field(reason, counted)

    def _by_counter(self, counter: Series) -> tuple[float | None, str | None, Counted | None]:
        """Power, or why there is none, and the last edge of a counter without a fault."""
        reason = self._fault(counter)
        if reason is not None:
            self._since_s = None
            return None, reason, None
        edges = counter_edges(counter)
        if len(edges) <= MIN_TICKS:
            return None, Unusable.TOO_FEW_TICKS, None
        span_ns = edges.time_ns[-1] - edges.time_ns[0]
        if edges.width_ns[0] + edges.width_ns[-1] > _LOOSE * span_ns:
            return None, _LOOSE_REASON, None
        if self._since_s is None:
            self._since_s = float(edges.time_ns[0]) / _NS
        last_j, last_s = edges.energy_mj[-1] / 1000, edges.time_ns[-1] / _NS
        power_w = (last_j - edges.energy_mj[0] / 1000) / span_ns * _NS
        return float(power_w), None, Counted(float(last_j), float(last_s), self._since_s)

    def _fault(self, counter: Series) -> str | None:
        """Why a counter of the last second cannot be trusted."""
        if not len(counter):
            return Fault.NOT_RECORDED
        log = PowerLog("", "", {ENERGY: counter, POWER_LIMIT: self._limit.series()})
        begin_ns, end_ns = int(counter.begin_ns[0]), int(counter.end_ns[-1])
        found = faults(log, begin_ns, end_ns, processes=0)
        if found:
            return found[0]
        changed = np.flatnonzero(np.diff(counter.value))
        since_ns = counter.begin_ns[changed[-1] + 1 if len(changed) else 0]
        return Unusable.STUCK if counter.begin_ns[-1] - since_ns > _STILL_NS else None

    def _by_field(self, reason: str, counted: Counted | None) -> ObservedPower:
        """Power by the first field that was read with success, unless it is frozen."""
        for name in _FIELDS:
            power = self._slow[name].series()
            if not len(power) or power.code[-1] != NvmlCode.SUCCESS:
                continue
            if self._is_frozen(power.good()):
                return ObservedPower(None, None, f"{reason}; {Fault.POWER_FROZEN}", counted)
            return ObservedPower(float(power.value[-1]) / 1000, name, reason, counted)
        return ObservedPower(None, None, reason, counted)

    def _is_frozen(self, power: Series) -> bool:
        """Whether power is frozen since it last changed."""
        changed = np.flatnonzero(np.diff(power.value))
        same = power.take(slice(changed[-1] + 1 if len(changed) else 0, None))
        temperature = self._slow[TEMP_GPU].series().good()
        return frozen(same, temperature.around(int(same.begin_ns[0]), int(same.end_ns[-1])))
