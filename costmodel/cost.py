"""The cost of one call of an operation at one batch size."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one call of an operation at one batch size.

    Latencies in us and energies in mJ are those of the whole call: of all `tokens`, which make
    `assignments` (token, expert) pairs where the operation routes. `latency_us_lo` and `_hi` are
    the bounds of the latency at 95 %, `energy_mj_lo` and `_hi` those of the energy. `power_w` is
    drawn under a steady load, where a call often takes longer than a single one. Energy, power and
    `temp_rise_c` are None where not measured, for the `energy_reason`. `source` is "kernel" or
    "wall" time.

    Flags: `measured`, this batch size was measured at least twice and agrees; `measured_once`, it
    was measured, and is unconfirmed: once alone, or no two repeats agree. Where neither holds the
    cost is interpolated, or else `extrapolated`, the size lies outside the domain; `transferred`,
    the shape was not measured; `estimated`, the conditions were not measured; `doubtful`, one of
    the points it is interpolated from has flags.
    """

    op: str
    tokens: int
    latency_us: float
    latency_us_lo: float
    latency_us_hi: float
    energy_mj: float | None
    power_w: float | None
    temp_rise_c: float | None
    energy_source: str
    energy_reason: str | None
    source: str
    measured: bool
    extrapolated: bool
    energy_mj_lo: float | None = None
    energy_mj_hi: float | None = None
    assignments: int | None = None
    transferred: bool = False
    estimated: bool = False
    doubtful: bool = False
    measured_once: bool = False

    @property
    def sustained_ms(self) -> float:
        """Time per call under a steady load, in ms; only for a cost that has energy and power."""
        assert self.energy_mj is not None
        assert self.power_w is not None
        return self.energy_mj / self.power_w

    @property
    def latency_us_per_token(self) -> float:
        """Latency divided by the tokens."""
        return self.latency_us / self.tokens

    @property
    def latency_us_per_assignment(self) -> float:
        """Latency divided by the (token, expert) pairs; by the tokens where nothing is routed."""
        return self.latency_us / (self.assignments or self.tokens)

    @property
    def energy_mj_per_token(self) -> float | None:
        """Energy divided by the tokens."""
        return None if self.energy_mj is None else self.energy_mj / self.tokens

    @property
    def energy_mj_per_assignment(self) -> float | None:
        """Energy divided by the (token, expert) pairs; by the tokens where nothing is routed."""
        return (
            None if self.energy_mj is None else self.energy_mj / (self.assignments or self.tokens)
        )
