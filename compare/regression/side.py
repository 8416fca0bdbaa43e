"""One side of a comparison: values by quantity, curve and batch size, and how they were taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

# (curve, batch size); a row of a benchmark has no batch size.
Place = tuple[str, int | None]

# Quantities of a run or a model, by the column or the field that holds each, and the unit.
METRICS: Final = MappingProxyType(
    {
        "latency": ("latency_us", "us"),
        "energy": ("energy_mj", "mJ"),
        "power": ("power_w", "W"),
        "heat": ("temp_rise_c", "degC"),
    }
)


UNCONFIRMED: Final = "unconfirmed"  # no repeat in another process confirms the value


@dataclass(frozen=True, slots=True)
class Reading:
    """A measured value.

    `half_95` is the half width of its own 95 % interval and `repeat` the |log| ratio of its
    repeats, `repeats` of them; both are |log| ratios, None where not known. `doubt` says why the
    value decides nothing by itself, as where something disturbed it.
    """

    value: float
    half_95: float | None = None
    repeat: float | None = None
    repeats: int = 1
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """What was measured on one side.

    `ops` maps each curve to its operation. `values` and `units` are by quantity, `sources` by
    quantity and curve: values from two sources (kernel or wall time, counter or meter) are not
    compared. `conditions` are what must be equal on both sides. `clocks_mhz` are mean SM clocks
    under the timed calls, where a trace has them. Two sides of one `digest` are one measurement.
    """

    name: str
    digest: str
    ops: Mapping[str, str]
    values: Mapping[str, Mapping[Place, Reading]]
    units: Mapping[str, str]
    conditions: Mapping[str, str]
    sources: Mapping[tuple[str, str], str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    clocks_mhz: Mapping[Place, float] = field(default_factory=dict)
