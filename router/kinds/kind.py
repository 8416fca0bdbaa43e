"""A kind of expert: the kernels that compute it, and what they take by its load."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Final

import numpy as np

from ...costmodel.cost import Cost
from ...costmodel.model import KernelCostModel
from ...stats.arrays import Float64
from ...store.errors import BadInput
from .grouped import grouped_points

NO_IDLE_POWER: Final = "the idle power of the device was not measured"
_FLAGS: Final = ("extrapolated", "transferred", "estimated", "doubtful")


@dataclass(frozen=True, slots=True)
class ExpertKind:
    """The kernels that compute an expert, by the names of operations, curves or surfaces.

    Kernels of one expert run one after another on its rows; of kernels that compute all experts at
    once it takes its part. Raises BadInput where none is named.
    """

    ops: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.ops or not all(self.ops):
            raise BadInput(f"an expert of the kernels {self} is none", hint="name one or more")

    def __str__(self) -> str:
        return "+".join(self.ops)


@dataclass(frozen=True, eq=False, slots=True)
class KindCosts:
    """Costs of a kind of expert, or of one of its kernels, at loads [S].

    `latency_s` is that of single calls. Energy is above idle, and drawn in `steady_s`, the time of
    calls under a steady load; both are None for the `reason`. `sources` are those of the energies,
    `remarks` what to know of the costs.
    """

    latency_s: Float64
    energy_j: Float64 | None
    steady_s: Float64 | None
    reason: str | None
    sources: frozenset[str]
    remarks: tuple[str, ...]


def kind_costs(
    model: KernelCostModel,
    kind: ExpertKind,
    rows: Float64,
    idle_w: float | None,
    *,
    allow_estimates: bool,
) -> KindCosts:
    """What a kind of expert takes at `rows` [S] of 1 or more, in energy above `idle_w` of the GPU.

    Raises BadInput where the model has no such kernel, or several of its name, and for a kernel of
    all experts whose active ones are not known; OutOfRange far from what was measured.
    """
    parts = [_kernel_costs(model, op, rows, idle_w, allow_estimates) for op in kind.ops]
    return KindCosts(
        latency_s=np.sum([part.latency_s for part in parts], axis=0),
        energy_j=_sum([part.energy_j for part in parts]),
        steady_s=_sum([part.steady_s for part in parts]),
        reason=next((part.reason for part in parts if part.reason is not None), None),
        sources=frozenset().union(*(part.sources for part in parts)),
        remarks=tuple(dict.fromkeys(remark for part in parts for remark in part.remarks)),
    )


def _sum(curves: Sequence[Float64 | None]) -> Float64 | None:
    """The sum of curves; None where one of them is."""
    known = [curve for curve in curves if curve is not None]
    return np.asarray(np.sum(known, axis=0)) if len(known) == len(curves) else None


def _kernel_costs(
    model: KernelCostModel, op: str, rows: Float64, idle_w: float | None, allow_estimates: bool
) -> KindCosts:
    grouped = grouped_points(model, op, allow_estimates=allow_estimates)
    costs = _single_costs(model, op, rows, allow_estimates) if grouped is None else grouped.costs
    latency_s = np.array([cost.latency_us for cost in costs]) / 1e6
    drawn = np.array([_steady(cost, idle_w) for cost in costs])
    energy_j, steady_s = drawn[:, 0], drawn[:, 1]
    remarks = list(_remarks(op, costs))
    if grouped is not None:
        beyond = np.count_nonzero(grouped.beyond(rows))
        if beyond:
            remarks.append(f"{op}: {beyond} of {len(rows)} loads are extrapolated")
        error = f"{grouped.mean_error(latency_s):.1%}".replace("%", " %")
        remarks.append(f"{op}: an expert's part is by a fit that misses the costs by {error}")
        latency_s, energy_j, steady_s = (
            grouped.expert_curve(values, rows) for values in (latency_s, energy_j, steady_s)
        )
    known = bool(np.isfinite(energy_j).all())
    return KindCosts(
        latency_s=latency_s,
        energy_j=energy_j if known else None,
        steady_s=steady_s if known else None,
        reason=None if known else f"{op}: {_why_none(costs)}",
        sources=frozenset(cost.energy_source for cost in costs if cost.energy_mj is not None),
        remarks=tuple(remarks),
    )


def _single_costs(
    model: KernelCostModel, op: str, rows: Float64, allow_estimates: bool
) -> list[Cost]:
    """The costs of a kernel of one expert at `rows` [S]."""
    curves = [one for one in model.curves if op in (one.op, one.curve)]
    if any(curve.experts is not None for curve in curves):
        raise BadInput(
            f"{op} computes all experts at once, and how many of them were active is not known",
            hint="name kernels of one expert, such as fc1+gelu+fc2, or a surface over active ones",
        )
    rows_per_token = next((curve.top_k for curve in curves if curve.top_k is not None), 1)
    sizes = np.maximum(1, np.rint(rows / rows_per_token)).astype(int).tolist()
    return [model.get_cost(op, size, allow_estimates=allow_estimates) for size in sizes]


def _steady(cost: Cost, idle_w: float | None) -> tuple[float, float]:
    """Energy above that of the idle GPU in J, and the time of a call in s, under a steady load.

    NaN where unknown.
    """
    if cost.energy_mj is None or cost.power_w is None or idle_w is None:
        return nan, nan
    steady_s = cost.sustained_ms / 1e3
    return max(0.0, cost.power_w - idle_w) * steady_s, steady_s


def _why_none(costs: Iterable[Cost]) -> str:
    reasons = (cost.energy_reason for cost in costs if cost.energy_mj is None)
    return next((reason for reason in reasons if reason is not None), NO_IDLE_POWER)


def _remarks(op: str, costs: Sequence[Cost]) -> Iterator[str]:
    for flag in _FLAGS:
        flagged = sum(getattr(cost, flag) for cost in costs)
        if flagged:
            yield f"{op}: {flagged} of {len(costs)} costs are {flag}"
