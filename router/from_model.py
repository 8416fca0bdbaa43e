"""What experts cost by their load, from a cost model: each expert by the kernels that compute it.

An expert's kernels are those of one expert, one after another (`fc1`, `gelu`, `fc2`), or kernels
that compute all experts at once (`experts`; `w13_grouped`, `act_mul`, `w2_grouped`), of which an
expert takes its part (kinds/grouped.py). The rest of a layer does not depend on routing, and is
left out.
"""

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from ..costmodel.model import KernelCostModel
from ..costmodel.surface.prediction import TILE_ROWS
from ..stats.arrays import Float64, Int64
from ..store.errors import BadInput, naming
from ..store.provenance import EnergySource
from .expert_costs import ExpertCosts
from .kinds.idle_power import idle_power
from .kinds.kind import ExpertKind, KindCosts, kind_costs

_LOADS: Final = 24  # sizes at which a curve is read, from 1 row to the most
_NOT_MEASURED: Final = frozenset({EnergySource.IMPORTED.value, EnergySource.ESTIMATED.value})
_NO_METER: Final = _NOT_MEASURED | {EnergySource.SIMULATED.value}


def costs_of_experts(
    model: KernelCostModel,
    kinds: Sequence[ExpertKind],
    most_rows: int,
    *,
    gpu_of: Sequence[int] | None = None,
    gpus: int = 1,
    allow_estimates: bool = False,
) -> ExpertCosts:
    """Costs of experts, each of one of `kinds` [N], at loads up to `most_rows` rows.

    `gpu_of` [N] places them on `gpus` GPUs; if left out they are dealt out in turns. Energies that
    were imported or estimated count with `allow_estimates` alone. Latency is that under a steady
    load, in which the energy is drawn. Without energy it is that of single calls, and
    `energy_reason` says why.

    Raises BadInput for an expert without a curve, a placement that does not fit, and no experts;
    OutOfRange where a kernel was measured too far from a load.
    """
    placed = _placement(len(kinds), gpu_of, gpus)
    loads = _loads(most_rows)
    idle = idle_power(model, allow_estimates=allow_estimates)
    idle_w = None if idle is None else idle.power_w
    costs: dict[ExpertKind, KindCosts] = {}
    for expert, kind in enumerate(kinds):
        if kind not in costs:
            with naming(f"expert {expert} ({kind}) has no curve"):
                costs[kind] = kind_costs(
                    model, kind, loads[1:], idle_w, allow_estimates=allow_estimates
                )
    reason = _why_no_energy(costs.values(), allow_estimates)
    origin = model.file.origin
    remarks = [] if origin is None else [f"the latencies are imported from {origin.project}"]
    remarks += [remark for one in costs.values() for remark in one.remarks]
    energies_j = [costs[kind].energy_j for kind in kinds]
    times_s = [costs[kind].steady_s for kind in kinds]
    if idle is None or reason is not None:
        energies_j, times_s = [None] * len(kinds), [costs[kind].latency_s for kind in kinds]
        idle_w, sources = 0.0, {EnergySource.UNAVAILABLE.value}
    else:
        sources = set().union(*(one.sources for one in costs.values()))
        remarks += [f"the energies are {one}" for one in sorted(sources & _NO_METER)]
        remarks += filter(None, [idle.assumed])
    return ExpertCosts(
        loads=loads,
        latency_s=_table(times_s, len(loads)),
        energy_j=_table(energies_j, len(loads)),
        idle_power_w=gpus * (idle_w or 0.0),
        gpu_of=placed,
        energy_source=", ".join(sorted(sources)),
        energy_reason=reason,
        remarks=tuple(dict.fromkeys(remarks)),
    )


def _placement(experts: int, gpu_of: Sequence[int] | None, gpus: int) -> Int64:
    """The GPU of each expert. Raises BadInput for one that is not there."""
    if type(gpus) is not int or gpus < 1:
        raise BadInput(f"there are {gpus!r} GPUs, and must be one or more")
    if experts < 1:
        raise BadInput("there are no experts, and must be one or more")
    if gpu_of is None:
        if gpus > experts:
            raise BadInput(
                f"{experts} experts cannot be dealt out to {gpus} GPUs: some would have none"
            )
        return np.arange(experts, dtype=np.int64) % gpus
    if len(gpu_of) != experts:
        raise BadInput(f"{len(gpu_of)} experts are placed on GPUs, and there are {experts}")
    for expert, gpu in enumerate(gpu_of):
        if gpu not in range(gpus):
            raise BadInput(
                f"expert {expert} is placed on GPU {gpu}, and there are GPUs 0 to {gpus - 1}",
                hint="number GPUs from 0, and say by gpus how many there are",
            )
    return np.array(gpu_of, dtype=np.int64)


def _loads(most_rows: int) -> Float64:
    """Loads at which curves are read: 0, then in equal ratios from 1, and one whole tile."""
    if type(most_rows) is not int or most_rows < 1:
        raise BadInput(f"the most rows of an expert are {most_rows!r}, and must be 1 or more")
    rows = np.rint(np.geomspace(1, most_rows, _LOADS))
    return np.unique(np.concatenate([[0.0, min(TILE_ROWS, most_rows)], rows]))


def _table(curves: Sequence[Float64 | None], loads: int) -> Float64:
    """Curves at loads from 1 as [N, loads], with 0 at the load 0; zero throughout for None."""
    table = np.zeros((len(curves), loads))
    for row, curve in zip(table, curves, strict=True):
        if curve is not None:
            row[1:] = curve
    return table


def _why_no_energy(kinds: Collection[KindCosts], allow_estimates: bool) -> str | None:
    """Why the experts have no energy that counts; None where all have one."""
    reason = next((one.reason for one in kinds if one.reason is not None), None)
    sources = frozenset().union(*(one.sources for one in kinds))
    if reason is None and not allow_estimates and sources & _NOT_MEASURED:
        named = " and ".join(sorted(sources & _NOT_MEASURED))
        reason = f"the energies are {named}, and count with allow_estimates alone"
    return reason
