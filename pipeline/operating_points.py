"""The best way to run a layer under a budget of power and time, from one model or several."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..costmodel.layer.choice import formats_asked_for, layers_asked_for
from ..costmodel.layer.cost import LayerCost
from ..costmodel.layer.operating_points import Aim, Budget, OperatingPoint, best, pareto_front
from ..costmodel.layer.query import LayerQuery
from ..costmodel.model import KernelCostModel
from ..kernels.formats.names import UNQUANTISED
from ..store.errors import BadInput
from ..store.fitted_runs import LayerSizes
from .cost import CostQuery, load, look_up

__all__ = ["Aim", "BestWay", "Budget", "OperatingPoint", "best_way", "named"]


@dataclass(frozen=True, slots=True)
class BestWay:
    """The best operating point within a budget, and the Pareto front of all within it.

    `best` is None where nothing keeps to the budget, and `nearest` exceeds it least. `tried` counts
    the points that were looked up, `incomplete` names ways that lack a part, with the reason.
    """

    aim: Aim
    budget: Budget
    best: OperatingPoint | None
    nearest: OperatingPoint | None
    front: tuple[OperatingPoint, ...]
    tried: int
    incomplete: tuple[str, ...]


def best_way(
    paths: Sequence[Path], query: CostQuery, aim: Aim, budget: Budget, *, every_size: bool = False
) -> BestWay:
    """Look a layer up in the models at `paths`, in every way that was measured, and choose.

    `query` names the layer and the batch size; with `every_size` all sizes that each model knows
    count. Raises BadInput where a model holds no such layer of gated experts, where no way has all
    of its parts, and where what `aim` or `budget` judge was measured at no point.
    """
    points: list[OperatingPoint] = []
    incomplete: list[str] = []
    for path in paths:
        model = load(path)
        layers = _layers(path, model, query)
        sizes = _sizes(model, layers) if every_size else [query.batch_size]
        for way in _ways(layers, query):
            costs = [_look_up(model, replace(way, batch_size=size)) for size in sizes]
            lacking = next((cost.missing for cost in costs if cost.missing), None)
            if lacking is None:
                points += [_point(path, model, way, cost) for cost in costs]
            else:
                incomplete.append(f"{path}: {named(way)}: {'; '.join(lacking)}")
    _check_known(points, aim, budget, incomplete)
    within = budget.within(points)
    return BestWay(
        aim=aim,
        budget=budget,
        best=best(within, aim),
        nearest=None if within else budget.nearest(points),
        front=pareto_front(within),
        tried=len(points),
        incomplete=tuple(incomplete),
    )


def named(way: CostQuery | OperatingPoint) -> str:
    """A way of running a layer, in words."""
    bits = None if way.weight_bits is None else f"{way.weight_bits} bits"
    own = None if way.weight_format == UNQUANTISED else way.weight_format
    return ", ".join(filter(None, (way.routed_by or "its parts", own or bits)))


def _layers(path: Path, model: KernelCostModel, query: CostQuery) -> list[LayerSizes]:
    """The layer that is asked for, once in each format of weights that it was measured in."""
    asked = LayerQuery(1, shape=query.shape, top_k=query.top_k, weight_format=query.weight_format)
    layers = model.file.layers
    found = [
        layers_asked_for(layers, replace(asked, weight_format=name))[0]
        for name in formats_asked_for(layers, asked)
    ]
    if not found:
        layers_asked_for(layers, asked)  # refuses a shape that no layer has
        raise BadInput(
            f"{path} holds no layer of gated experts", hint="moeprof profile --ops layer,engines"
        )
    return found


def _sizes(model: KernelCostModel, layers: Sequence[LayerSizes]) -> range:
    """The batch sizes that every curve of the layers covers."""
    names = {part.curve for layer in layers for part in (*layer.parts, *layer.routed)}
    domains = [one.domain for one in model.curves if one.curve in names]
    first = max((one.first_tokens for one in domains), default=1)
    return range(first, min((one.last_tokens for one in domains), default=0) + 1)


def _ways(layers: Sequence[LayerSizes], query: CostQuery) -> Iterator[CostQuery]:
    """The query at each way that it allows: the parts on each format of weights, then all else."""
    seen: set[str] = set()
    for layer in layers:
        packed = dict.fromkeys(
            part.weight_bits for part in layer.parts if part not in layer.own_parts
        )
        ways: list[tuple[str | None, int | None]] = [(None, bits) for bits in (None, *packed)]
        routed = [one for one in layer.routed if one.curve not in seen]
        seen |= {one.curve for one in routed}
        for routed_by, bits in (*ways, *((one.op, one.weight_bits) for one in routed)):
            if query.routed_by in (None, routed_by) and query.weight_bits in (None, bits):
                yield replace(
                    query,
                    routed_by=routed_by,
                    weight_bits=bits,
                    weight_format=layer.weight_format or UNQUANTISED,
                )


def _look_up(model: KernelCostModel, query: CostQuery) -> LayerCost:
    found = look_up(model, query)
    assert isinstance(found, LayerCost)
    return found


def _point(path: Path, model: KernelCostModel, way: CostQuery, cost: LayerCost) -> OperatingPoint:
    gpu = model.file.provenance.gpu
    return OperatingPoint(
        model=str(path),
        power_limit_w=None if gpu is None else gpu.power_limit_w,
        routed_by=way.routed_by,
        weight_format=None if way.weight_format == UNQUANTISED else way.weight_format,
        weight_bits=way.weight_bits,
        tokens=cost.tokens,
        latency_us=cost.latency_us,
        latency_us_hi=cost.latency_us_hi,
        energy_mj=cost.energy_mj,
        power_w=cost.power_w,
        energy_reason=cost.energy_reason,
        estimated=cost.estimated,
    )


def _check_known(
    points: Sequence[OperatingPoint], aim: Aim, budget: Budget, incomplete: Sequence[str]
) -> None:
    """Raise BadInput where nothing can be chosen from."""
    if not points:
        reasons = "; ".join(incomplete) or "the models share no batch size of all parts"
        raise BadInput(
            f"no way of running the layer was measured whole: {reasons}",
            hint="moeprof profile --ops layer,engines",
        )
    needs = aim == "tokens-per-joule" or budget.power_w is not None
    if needs and all(one.power_w is None for one in points):
        raise BadInput(
            f"{aim} and a budget of power need the energy of the layer, and it has none:"
            f" {points[0].energy_reason}",
            hint="ask for tokens-per-second, or measure energy: docs/energy.md",
        )
