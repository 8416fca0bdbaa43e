"""What is logged of one pass, and the columns that it becomes.

A column is None where it was not measured. Names end in their unit; a share, a loss and a pressure
have none.
"""

import json
import time
from dataclasses import dataclass, field, fields
from functools import cache
from math import isfinite
from typing import Any, Final, TypeAlias, get_args, get_type_hints

import numpy as np
from numpy.typing import ArrayLike

from ...stats.arrays import Float64, Int64
from ...store.errors import BadInput
from ...store.text.printable import printable
from ..monitor.snapshot import Snapshot, energy_between

# History: /1 is the first.
SCHEMA: Final = "router_metrics/1"

Cell: TypeAlias = int | float | str | Int64 | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetricsRow:
    """What was measured and predicted of one pass, or of the passes since the row before.

    `expert_counts` [experts] are the assignments of each expert, and `baseline_counts` [experts]
    those under the model's own routing; both are copied. `ttha_terms` are the terms of a
    controller's decision.

    Raises BadInput for counts that are no whole numbers of one dimension on the host, and for two
    counts of different lengths.
    """

    time_ns: int = field(default_factory=time.time_ns)  # since the epoch; it may jump
    at_s: float = field(default_factory=time.monotonic)  # CLOCK_MONOTONIC
    step: int | None = None
    layer: int | None = None
    strategy: str | None = None  # the router's: baseline, static_optimal, ...
    verdict: str | None = None  # the answer's: slack, routed, paced
    tokens: int | None = None
    latency_us: float | None = None
    tokens_per_s: float | None = None
    router_us: float | None = None  # time that routing took, within the latency or beside it
    monitor_state: str | None = None  # the sensors' values are None unless it is "watching"
    sensed_at_s: float | None = None  # when they were read, on the clock of at_s
    power_w: float | None = None
    power_source: str | None = None
    temp_c: float | None = None
    memory_used_bytes: int | None = None
    sm_busy_pct: float | None = None
    memory_busy_pct: float | None = None  # the memory controller's share of time at work
    sm_clock_mhz: float | None = None
    thermal_pressure: float | None = None
    power_pressure: float | None = None
    predicted_latency_us: float | None = None
    predicted_j: float | None = None  # above idle, by the cost model
    predicted_source: str | None = None  # where the cost model has its energies from
    baseline_j: float | None = None  # predicted of the model's own routing of the same tokens
    measured_j: float | None = None  # idle power included, in the time measured_over_s
    measured_over_s: float | None = None
    measured_source: str | None = None
    predicted_temp_rise_c: float | None = None
    expert_counts: ArrayLike | None = None
    baseline_counts: ArrayLike | None = None  # no column: changed_share is made of it
    kl_nats: float | None = None  # KL of the loads to the model's own, over the assignments
    certificate_gap_scores: float | None = None  # the picks' gap, summed over the tokens
    certificate_gap_mass: float | None = None  # the read set's gap, summed shares of top-k mass
    price_per_j: float | None = None
    deferred_share: float | None = None
    loss_task: float | None = None
    loss_auxiliary: float | None = None
    loss_total: float | None = None
    ttha_terms: dict[str, float] | None = None

    def __post_init__(self) -> None:
        for name in ("expert_counts", "baseline_counts"):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, counts_of(name, given))
        counts: Any = self.expert_counts
        baseline: Any = self.baseline_counts
        if counts is not None and baseline is not None and len(counts) != len(baseline):
            raise BadInput(
                f"expert_counts has {len(counts)} experts, and baseline_counts {len(baseline)}"
            )
        if self.ttha_terms is not None:
            object.__setattr__(self, "ttha_terms", dict(self.ttha_terms))


_TTHA_COLUMNS: Final = (
    "ttha_power_loss",
    "ttha_temp_loss",
    "ttha_latency_penalty",
    "ttha_throughput_bonus",
)
"""Terms of a decision with a column of their own; the others are in `ttha_terms`, as JSON."""

_DERIVED: Final[dict[str, type]] = {
    "effective_experts": float,  # how many equally loaded experts have the entropy of the counts
    "changed_share": float,  # the least share of assignments that differs from baseline_counts
    "saved_j": float,  # baseline_j less predicted_j
    **dict.fromkeys(_TTHA_COLUMNS, float),
    "rows_lost": int,  # rows that the logger could not write before this one
}


@cache
def columns() -> dict[str, type]:
    """Type of each column by its name, in order: int, float, str, or list for counts."""
    hints = get_type_hints(MetricsRow)
    own = {
        each.name: (get_args(hints[each.name]) or (hints[each.name],))[0]
        for each in fields(MetricsRow)
        if each.name != "baseline_counts"
    }
    return own | {"expert_counts": list, "ttha_terms": str} | _DERIVED


def cells(row: MetricsRow, rows_lost: int) -> list[Cell]:
    """The cells of a row in the order of the columns. Raises TypeError or ValueError for others."""
    terms = dict(row.ttha_terms or {})
    derived: dict[str, Any] = {
        "effective_experts": effective_experts(row.expert_counts),
        "changed_share": changed_share(row.expert_counts, row.baseline_counts),
        "saved_j": _difference(row.baseline_j, row.predicted_j),
        **{name: terms.pop(name, None) for name in _TTHA_COLUMNS},
        "rows_lost": rows_lost,
        "ttha_terms": _json(terms) if terms else None,
    }
    return [
        _cell(kind, derived[name] if name in derived else getattr(row, name))
        for name, kind in columns().items()
    ]


def counts_of(name: str, given: ArrayLike) -> Int64:
    """A copy of counts, int64 [experts]. Raises BadInput, naming them, for what are none."""
    try:
        counts = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:  # a tensor of a GPU raises TypeError
        raise BadInput(
            f"{name} cannot be copied: {error}", hint="give it as whole numbers of the host"
        ) from error
    if counts.ndim != 1 or counts.dtype.kind not in "iu":
        raise BadInput(
            f"{name} is {counts.ndim}-dimensional of {counts.dtype}, and must be a list of counts"
        )
    if counts.size and counts.min() < 0:
        raise BadInput(f"{name} has {counts.min()}, and a count is 0 or more")
    return counts.astype(np.int64)


def effective_experts(counts: ArrayLike | None) -> float | None:
    """The number of equally loaded experts whose entropy is that of the counts [experts].

    It is exp(-sum p log p) with p the shares of the experts: N where all N have the same load, 1
    where one has all. None without an assignment.
    """
    shares = _shares(counts)
    if shares is None:
        return None
    used = shares[shares > 0]
    return float(np.exp(-(used * np.log(used)).sum()))


def changed_share(counts: ArrayLike | None, baseline: ArrayLike | None) -> float | None:
    """The least share of assignments that must go elsewhere to come from one count to the other.

    Half the sum of the differences of the shares [experts]: total variation, 0 to 1. Tokens that
    change places change nothing in it. None where either is unknown or without an assignment.
    """
    shares, others = _shares(counts), _shares(baseline)
    if shares is None or others is None:
        return None
    return float(np.abs(shares - others).sum() / 2)


def sensed(seen: Snapshot, before: Snapshot | None = None) -> dict[str, Any]:
    """What a row takes of a monitor's snapshot: MetricsRow(..., **sensed(monitor.snapshot())).

    Joules are those since the snapshot `before`, by the energy counter.
    """
    found: dict[str, Any] = {"monitor_state": str(seen.state)}
    if not seen.is_present:
        return found
    measured = None if before is None else energy_between(before, seen)
    if measured is not None:
        found |= {"measured_j": measured[0], "measured_over_s": measured[1]}
        found |= {"measured_source": str(seen.power_source)}
    return found | {
        "sensed_at_s": seen.at_s,
        "power_w": seen.power_w,
        "power_source": str(seen.power_source),
        "temp_c": seen.temp_c,
        "memory_used_bytes": seen.memory_used_bytes,
        "sm_busy_pct": seen.sm_busy_pct,
        "memory_busy_pct": seen.memory_busy_pct,
        "sm_clock_mhz": seen.sm_clock_mhz,
        "thermal_pressure": seen.thermal_pressure,
        "power_pressure": seen.power_pressure,
    }


def _shares(counts: Any) -> Float64 | None:
    total = 0 if counts is None else int(np.sum(counts))
    return None if total <= 0 else np.asarray(counts) / total


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _json(terms: dict[str, float]) -> str:
    """Terms as JSON, which has neither NaN nor infinity: they are null."""
    numbers = {name: float(value) for name, value in terms.items()}
    return json.dumps({name: value if isfinite(value) else None for name, value in numbers.items()})


def _cell(kind: type, value: Any) -> Cell:
    if value is None or kind is list:
        return value  # type: ignore[no-any-return]
    if kind is str:
        return printable(str(value))
    number: int | float = kind(value)
    if kind is int and not -(2**63) <= number < 2**63:
        raise ValueError(f"{number} is no number of 64 bits")
    return number
