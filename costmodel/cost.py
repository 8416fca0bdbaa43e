"""What one operation costs at one batch size."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call of an operation costs at one batch size.

    Times are in us, energies in mJ, and each is that of the whole call: of all `tokens`, which make
    `assignments` (token, expert) pairs where the operation routes. `latency_us_lo` and `_hi` bound
    the latency at 95 %, as `energy_mj_lo` and `_hi` do the energy. Energy, power (drawn while calls
    follow one another, each then often longer than a single one) and rise in temperature are None
    where they were not measured, and `energy_reason` says why. `source` is "kernel" time or "wall"
    time. `measured` is true where this very batch size was measured; otherwise the cost is
    interpolated. `extrapolated` marks a size outside the domain, `transferred` a shape that was not
    measured, `estimated` a condition that was not, `doubtful` a cost that stands on a point whose
    measurement bears a mark.
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

    @property
    def latency_us_per_token(self) -> float:
        """Share of one token in the call's time."""
        return self.latency_us / self.tokens

    @property
    def latency_us_per_assignment(self) -> float:
        """Share of one (token, expert) pair; of one token where nothing is routed."""
        return self.latency_us / (self.assignments or self.tokens)

    @property
    def energy_mj_per_token(self) -> float | None:
        """Share of one token in the call's energy."""
        return None if self.energy_mj is None else self.energy_mj / self.tokens

    @property
    def energy_mj_per_assignment(self) -> float | None:
        """Share of one (token, expert) pair; of one token where nothing is routed."""
        return (
            None if self.energy_mj is None else self.energy_mj / (self.assignments or self.tokens)
        )
