"""What one operation costs over batch size: its curve as a table, and the rows of that."""

from dataclasses import dataclass
from operator import index

import numpy as np

from ..store.cost_model import CurveModel, IntervalScores
from ..store.errors import BadInput
from .curve import Floats, Ints, interpolate, log_jumps
from .intervals import half_widths


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call of an operation costs at one batch size.

    `latency_us_lo` and `latency_us_hi` bound the latency at 95 %, and are None where the model has
    too few points to say. `energy_mj`, `power_w` (energy over latency) and `temp_rise_c` are None
    where they were not measured, and `energy_reason` says why. `source` says what the latency is:
    "kernel" time or "wall" time. `measured` is true where this very batch size was measured;
    otherwise the cost is interpolated. `extrapolated` is false in this version, which refuses to
    look beyond what was measured.
    """

    op: str
    tokens: int
    latency_us: float
    latency_us_lo: float | None
    latency_us_hi: float | None
    energy_mj: float | None
    power_w: float | None
    temp_rise_c: float | None
    energy_source: str
    energy_reason: str | None
    source: str
    measured: bool
    extrapolated: bool


class CurveCosts:
    """The costs of one curve, evaluated over its whole domain when it is first asked for.

    `known` holds each cost that was asked for before.
    """

    def __init__(self, curve: CurveModel, intervals: IntervalScores) -> None:
        self.curve = curve
        self.known: dict[int, Cost] = {}
        self._intervals = intervals
        self._table: _Table | None = None

    def cost(self, batch_size: int) -> Cost:
        """Give the cost at one batch size. Raises BadInput where the domain does not hold it."""
        tokens = self._checked(batch_size)
        cost = self.known.get(tokens)
        if cost is None:
            if self._table is None:
                self._table = _tabulate(self.curve, self._intervals)
            cost = self.known[tokens] = _cost(self.curve, self._table, tokens)
        return cost

    def _checked(self, batch_size: int) -> int:
        """Give the batch size as an int of the domain."""
        try:
            if isinstance(batch_size, bool):
                raise TypeError
            tokens = index(batch_size)
        except TypeError:
            raise BadInput(f"the batch size is {batch_size!r}, and it must be an integer") from None
        domain = self.curve.domain
        if not domain.first_tokens <= tokens <= domain.last_tokens:
            raise BadInput(
                f"{self.curve.op} was measured from batch size {domain.first_tokens} to "
                f"{domain.last_tokens}, and {tokens} is outside",
                hint="profile a range that holds it: nothing is guessed beyond what was measured",
            )
        return tokens


@dataclass(frozen=True, slots=True)
class _Table:
    """A curve over every batch size of its domain, each array of shape [last - first + 1].

    `half_width` is that of the 95 % interval of latency, as a |log| ratio.
    """

    latency_us: Floats
    half_width: Floats | None
    energy_mj: Floats | None
    temp_rise_c: Floats | None


def _tabulate(curve: CurveModel, intervals: IntervalScores) -> _Table:
    knots: Ints = np.array(curve.knots_tokens, dtype=np.int64)
    latencies = np.array(curve.latency_us)
    sizes = np.arange(curve.domain.first_tokens, curve.domain.last_tokens + 1)
    latency_us = interpolate(curve.fit, knots, latencies, sizes)
    quantile = intervals.quantiles.get("95")
    half_width = energy_mj = temp_rise_c = None
    if quantile is not None:
        jumps = log_jumps(knots, latencies, sizes)
        half_width = half_widths(quantile, intervals.floor, jumps)
    if curve.energy_mj is not None:
        # Power changes slowly over batch size and time in steps: energy has the steps of time.
        power = interpolate("linear", knots, np.array(curve.energy_mj) / latencies, sizes)
        energy_mj = power * latency_us
        energy_mj[knots - sizes[0]] = curve.energy_mj  # exact, where power times time rounds
    if curve.temp_rise_c is not None:
        temp_rise_c = interpolate("linear", knots, np.array(curve.temp_rise_c), sizes)
    return _Table(latency_us, half_width, energy_mj, temp_rise_c)


def _cost(curve: CurveModel, table: _Table, tokens: int) -> Cost:
    at = tokens - curve.domain.first_tokens
    latency_us = float(table.latency_us[at])
    factor = None if table.half_width is None else float(np.exp(table.half_width[at]))
    energy_mj = None if table.energy_mj is None else float(table.energy_mj[at])
    return Cost(
        op=curve.op,
        tokens=tokens,
        latency_us=latency_us,
        latency_us_lo=None if factor is None else latency_us / factor,
        latency_us_hi=None if factor is None else latency_us * factor,
        energy_mj=energy_mj,
        power_w=None if energy_mj is None else energy_mj / latency_us * 1000,
        temp_rise_c=None if table.temp_rise_c is None else float(table.temp_rise_c[at]),
        energy_source=curve.energy_source,
        energy_reason=curve.energy_reason,
        source=curve.latency_source,
        measured=tokens in curve.knots_tokens,
        extrapolated=False,
    )
