"""The costs of one curve over batch size: as arrays, or one `Cost` at a time."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, isnan
from typing import Any, Final, overload

import numpy as np

from ...stats.arrays import Float64, Int64
from ...stats.conformal import OF_95
from ...store.cost_model import CostModelFile, CurveModel
from ...store.provenance import EnergySource
from ..cost import Cost
from ..roofline import Roofline, roofline
from .energy import metered
from .extrapolation import (
    MAX_OCTAVES,
    OutOfRange,
    drift_half_widths,
    extend,
    octaves_beyond,
)
from .fit import interpolate, log_jumps
from .intervals import bracket_left_out, error_scales, half_widths, knot_half_widths

INTERVAL_PCT: Final = 95
_TABLE_SIZES: Final = 1 << 16  # evaluated at once, at the first look-up; larger ones one by one


@dataclass(frozen=True, slots=True)
class _Columns:
    """A curve evaluated at `tokens` [N]; each array is [N], NaN where unknown."""

    tokens: Int64
    latency_us: Float64
    half_width: Float64
    energy_mj: Float64
    power_w: Float64
    power_half_width: Float64
    temp_rise_c: Float64
    octaves: Float64


class Costs(Sequence[Cost]):
    """The costs of one operation at N batch sizes: a sequence of `Cost`, with arrays [N].

    Each property is a float64 array in the order of the query, NaN where the quantity is unknown.
    """

    def __init__(self, curve: "CurveCosts", columns: _Columns, places: Int64 | None) -> None:
        self._curve = curve
        self._columns = columns
        self._places = places

    def _take(self, column: Float64) -> Float64:
        return column if self._places is None else column.take(self._places)

    @property
    def latency_us(self) -> Float64:
        """Latency of one call in us, [N]."""
        return self._take(self._columns.latency_us)

    @property
    def latency_us_lo(self) -> Float64:
        """Lower end of the latency's 95 % interval in us, [N]."""
        return self._take(self._columns.latency_us) * np.exp(-self._take(self._columns.half_width))

    @property
    def latency_us_hi(self) -> Float64:
        """Upper end of the latency's 95 % interval in us, [N]."""
        return self._take(self._columns.latency_us) * np.exp(self._take(self._columns.half_width))

    @property
    def energy_mj(self) -> Float64:
        """Energy of one call in mJ, [N]."""
        return self._take(self._columns.energy_mj)

    @property
    def power_w(self) -> Float64:
        """Power under a steady load in W, [N]."""
        return self._take(self._columns.power_w)

    @property
    def temp_rise_c(self) -> Float64:
        """Steady rise of the temperature above idle in degC, [N]."""
        return self._take(self._columns.temp_rise_c)

    @property
    def extrapolated(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether a size lies outside the domain, [N]."""
        found: np.ndarray[Any, np.dtype[np.bool_]] = self._take(self._columns.octaves) > 0
        return found

    def __len__(self) -> int:
        return len(self._columns.tokens if self._places is None else self._places)

    @overload
    def __getitem__(self, index: int) -> Cost: ...

    @overload
    def __getitem__(self, index: slice) -> list[Cost]: ...

    def __getitem__(self, index: int | slice) -> Cost | list[Cost]:
        sizes = self._columns.tokens if self._places is None else self._columns.tokens[self._places]
        if isinstance(index, slice):
            return [self._curve.cost(size) for size in sizes[index].tolist()]
        return self._curve.cost(int(sizes[index]))

    def __iter__(self) -> Iterator[Cost]:
        return iter(self[:])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


class CurveCosts:
    """The costs of one curve, evaluated over its whole domain at the first look-up.

    `known` holds the costs of earlier look-ups by batch size.
    """

    def __init__(self, curve: CurveModel, file: CostModelFile) -> None:
        self.curve = curve
        self.known: dict[int, Cost] = {}
        self._flagged = frozenset(curve.doubtful_tokens)
        self._unconfirmed = frozenset(curve.unconfirmed_tokens)
        self._file = file
        self._table: _Columns | None = None

    @property
    def bound(self) -> Roofline | None:
        """The roofline of the curve; None where its work or the device's rates are not known."""
        work = self.curve.work or self.curve.expert_work
        return roofline(work, self._file.peaks, self.curve.dtype)

    def cost(self, tokens: int) -> Cost:
        """Cost at a batch size of at least 1. Raises OutOfRange as `check_reach` does."""
        cost = self.known.get(tokens)
        if cost is None:
            table, place = self._tabulated(), tokens - self.curve.domain.first_tokens
            if not 0 <= place < len(table.tokens):
                self.check_reach(tokens)
                table, place = self._evaluate(np.array([tokens], dtype=np.int64)), 0
            cost = self.known[tokens] = self._cost(table, place)
        return cost

    def costs(self, sizes: Int64) -> Costs:
        """Costs at batch sizes [N] of at least 1. Raises OutOfRange as `check_reach` does."""
        inner = self.inner_costs(sizes)
        if inner is not None:
            return inner
        for size in (int(sizes.min()), int(sizes.max())):
            self.check_reach(size)
        return Costs(self, self._evaluate(sizes), None)

    def inner_costs(self, sizes: Int64) -> Costs | None:
        """Costs at batch sizes [N]; None where one lies outside the evaluated domain."""
        table = self._tabulated()
        places = sizes - table.tokens[0]
        # As unsigned numbers, those below the first are beyond the last.
        if places.view(np.uint64).max(initial=0) < len(table.tokens):
            return Costs(self, table, places)
        return None

    def _tabulated(self) -> _Columns:
        if self._table is None:
            first, last = self.curve.domain.first_tokens, self.curve.domain.last_tokens
            last = min(last, first + _TABLE_SIZES - 1)
            self._table = self._evaluate(np.arange(first, last + 1, dtype=np.int64))
        return self._table

    def check_reach(self, tokens: int) -> None:
        """Raise OutOfRange over four doublings outside the domain, or outside with no roofline."""
        first, last = self.curve.domain.first_tokens, self.curve.domain.last_tokens
        if first <= tokens <= last:
            return
        reason = f"it was measured from batch size {first} to {last}"
        hint = "profile a range that holds it"
        if tokens > last * 2**MAX_OCTAVES or tokens * 2**MAX_OCTAVES < first:
            far = f"{reason}, and this is more than {MAX_OCTAVES:g} doublings away"
            raise OutOfRange(self.curve.op, tokens, far, hint)
        if self.bound is None:
            why = f"{reason}, and its work is not known, so that no roofline leads further"
            raise OutOfRange(self.curve.op, tokens, why, hint)

    def _evaluate(self, sizes: Int64) -> _Columns:
        """Evaluate `sizes` [N]: by the fit within the domain, by the roofline outside it."""
        curve = self.curve
        knots: Int64 = np.array(curve.knots_tokens, dtype=np.int64)
        values = np.array(curve.latency_us)
        segments = None if curve.segments is None else np.array(curve.segments, dtype=np.int64)
        within = np.clip(sizes, knots[0], knots[-1])
        octaves = octaves_beyond(knots, sizes)
        latency_us = interpolate(curve.fit, knots, values, within, segments)
        beyond = octaves > 0
        if beyond.any() and (bound := self.bound) is not None:
            latency_us[beyond] = extend(knots, values, bound, sizes[beyond])
        found = metered(curve, self._file.thermal, latency_us, within)
        return _Columns(
            sizes,
            latency_us,
            self._half_widths(INTERVAL_PCT, knots, values, sizes),
            found.energy_mj,
            found.power_w,
            found.half_width,
            found.temp_rise_c,
            octaves,
        )

    def _half_widths(self, percent: int, knots: Int64, values: Float64, sizes: Int64) -> Float64:
        """Half width of the latency's interval at coverage `percent`, [N], as a |log| ratio."""
        curve, intervals = self.curve, self._file.intervals
        octaves = octaves_beyond(knots, sizes)
        within = np.clip(sizes, knots[0], knots[-1])
        jumps = log_jumps(knots, values, within)
        jumps[octaves > 0] = np.abs(np.log(values[-1] / values[-2]))
        left_out = np.zeros(len(knots)) if curve.left_out is None else np.array(curve.left_out)
        around = bracket_left_out(knots, left_out, within)
        scales = error_scales(curve.noise, curve.jump_share, jumps, around)
        halves = half_widths(intervals.quantiles[str(percent)], scales)
        own = knot_half_widths(curve.latency_half_95, curve.left_out, percent)
        if own is not None:
            place = np.searchsorted(knots, within)
            at_knot = knots[place] == within
            halves[at_knot] = np.maximum(halves[at_knot], own[place[at_knot]])
        halves = np.hypot(halves, (intervals.turns_95 or 0.0) * OF_95[percent])
        return halves + drift_half_widths(intervals, octaves)

    def interval_us(self, tokens: int, percent: int) -> tuple[float, float]:
        """Bounds of the latency in us at a nominal coverage of 50, 80, 90 or 95 percent."""
        knots: Int64 = np.array(self.curve.knots_tokens, dtype=np.int64)
        sizes = np.array([tokens], dtype=np.int64)
        half = self._half_widths(percent, knots, np.array(self.curve.latency_us), sizes)
        latency_us, factor = self.cost(tokens).latency_us, exp(float(half[0]))
        return latency_us / factor, latency_us * factor

    def _cost(self, columns: _Columns, at: int) -> Cost:
        """The `Cost` at index `at` of evaluated columns."""
        curve = self.curve
        tokens = int(columns.tokens[at])
        latency_us, half = float(columns.latency_us[at]), float(columns.half_width[at])
        energy_mj = _known(columns.energy_mj[at])
        known = energy_mj is not None
        power_half, factor = _known(columns.power_half_width[at]), None
        if known and power_half is not None:
            factor = exp(float(np.hypot(half, power_half)))
        return Cost(
            op=curve.op,
            tokens=tokens,
            latency_us=latency_us,
            latency_us_lo=latency_us / exp(half),
            latency_us_hi=latency_us * exp(half),
            energy_mj=energy_mj,
            power_w=_known(columns.power_w[at]),
            temp_rise_c=_known(columns.temp_rise_c[at]),
            energy_source=curve.energy_source if known else EnergySource.UNAVAILABLE.value,
            energy_reason=None if known else curve.energy_reason,
            source=curve.latency_source,
            measured=tokens in curve.knots_tokens and tokens not in self._unconfirmed,
            measured_once=tokens in self._unconfirmed,
            extrapolated=bool(columns.octaves[at] > 0),
            energy_mj_lo=None if energy_mj is None or factor is None else energy_mj / factor,
            energy_mj_hi=None if energy_mj is None or factor is None else energy_mj * factor,
            assignments=None if curve.top_k is None else tokens * curve.top_k,
            doubtful=not self._flagged.isdisjoint(_around(curve.knots_tokens, tokens)),
        )


def _around(knots: Sequence[int], tokens: int) -> Sequence[int]:
    """The knots that a size is evaluated from: itself, or those to its left and right."""
    place = bisect_left(knots, tokens)
    exact = place < len(knots) and knots[place] == tokens
    return knots[place : place + 1] if exact else knots[max(0, place - 1) : place + 1]


def _known(value: float) -> float | None:
    return None if isnan(value) else float(value)
