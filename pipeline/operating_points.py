"""The best way to run a layer under a budget of power and time, from one model or several."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..costmodel.layer.choice import formats_asked_for, layers_asked_for, own_bits
from ..costmodel.layer.cost import LayerCost
from ..costmodel.layer.operating_points import (
    Aim,
    Budget,
    OperatingPoint,
    best,
    pareto_front,
    rivals,
)
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

    `best` is None where nothing keeps to the budget, and `nearest` exceeds it least. `rivals` are
    the best points of other ways that 95 % intervals do not tell from it. The front is empty
    without energy. `tried` counts the points that were looked up, `left_out` names what
    cannot be compared, with the reason. `communication_reason` is that of `LayerCost`.
    """

    aim: Aim
    budget: Budget
    best: OperatingPoint | None
    rivals: tuple[OperatingPoint, ...]
    nearest: OperatingPoint | None
    front: tuple[OperatingPoint, ...]
    tried: int
    left_out: tuple[str, ...]
    communication_reason: str | None


def best_way(
    paths: Sequence[Path], query: CostQuery, aim: Aim, budget: Budget, *, every_size: bool = False
) -> BestWay:
    """Look a layer up in the models at `paths`, in every way that was measured, and choose.

    `query` names the layer and the batch size; with `every_size` all sizes that each model knows
    count. Raises BadInput where a model holds no such layer of gated experts, where two hold
    different layers or devices, where no way has all of its parts, and where what `aim` or `budget`
    judge was measured at no point.
    """
    found = _Found()
    first: tuple[Path, KernelCostModel, LayerSizes] | None = None
    for path in dict.fromkeys(paths):
        model = load(path)
        layers = _layers(path, model, query)
        first = first or (path, model, layers[0])
        _check_same(first, (path, model, layers[0]))
        sizes = _sizes(model, layers) if every_size else [query.batch_size]
        ways = list(_ways(model, layers, query))
        if not ways:
            found.left_out.append(f"{path}: it was not measured with {_asked(query)}")
        for way in ways:
            found.add(path, model, way, sizes)
    points = found.comparable(needs_power=aim == "tokens-per-joule" or budget.power_w is not None)
    within = budget.within(points)
    winner = best(within, aim)
    return BestWay(
        aim=aim,
        budget=budget,
        best=winner,
        rivals=() if winner is None else rivals(within, winner, aim),
        nearest=None if within else budget.nearest(points),
        front=pareto_front(within),
        tried=len(points),
        left_out=tuple(found.left_out),
        communication_reason=found.communication_reason,
    )


class _Found:
    """The operating points of all ways, and why others have none."""

    def __init__(self) -> None:
        self.left_out: list[str] = []
        self.communication_reason: str | None = None
        self._points: list[tuple[str, OperatingPoint, str | None]] = []

    def add(self, path: Path, model: KernelCostModel, way: CostQuery, sizes: Iterable[int]) -> None:
        """Look one way up at each size; sizes that its routing cannot have are passed over."""
        name = f"{path}: {named(way)}"
        found, refusal = [], None
        for size in sizes:
            try:
                found.append(_look_up(model, replace(way, batch_size=size)))
            except BadInput as refused:
                refusal = refusal or refused
        if not found and refusal is not None:
            self.left_out.append(f"{name}: {refusal.message}")
        lacking = [cost for cost in found if cost.missing]
        if lacking:
            reason = "; ".join(lacking[0].missing)
            self.left_out.append(_left_out(name, reason, len(lacking), len(found)))
        for cost in (one for one in found if not one.missing):
            self.communication_reason = cost.communication_reason
            self._points.append((name, _point(path, model, way, cost), cost.difference_reason))

    def comparable(self, *, needs_power: bool) -> list[OperatingPoint]:
        """The points that can be compared with each other. Raises BadInput where there are none.

        A point without what a layer takes beside its parts is none where another has it.
        """
        if not self._points:
            reasons = "; ".join(self.left_out) or "the models share no batch size of all parts"
            raise BadInput(
                f"no way of running the layer was measured whole: {reasons}",
                hint="moeprof profile --ops layer,engines, or --resume of a run that was cut short",
            )
        if needs_power:
            points = [one for _, one, _ in self._points]
            if not any(one.power_w for one in points):
                raise BadInput(
                    "what is asked for needs the energy of the layer, and it has none:"
                    f" {points[0].energy_reason}",
                    hint="ask for tokens-per-second without --budget-w, or measure energy:"
                    " docs/energy.md",
                )
            self._drop([None if p.power_w else f"no energy: {p.energy_reason}" for p in points])
        if any(reason is None for *_, reason in self._points):
            self._drop([reason for *_, reason in self._points])
        return [point for _, point, _ in self._points]

    def _drop(self, reasons: Sequence[str | None]) -> None:
        """Leave out the points that have a reason, and name each way of theirs with its first."""
        of = Counter(name for name, *_ in self._points)
        lacking: defaultdict[str, list[str]] = defaultdict(list)
        for (name, *_), reason in zip(self._points, reasons, strict=True):
            if reason is not None:
                lacking[name].append(reason)
        self.left_out += [_left_out(name, r[0], len(r), of[name]) for name, r in lacking.items()]
        pairs = zip(self._points, reasons, strict=True)
        self._points = [point for point, reason in pairs if reason is None]


def _left_out(name: str, reason: str, lacking: int, of: int) -> str:
    """Why a way is left out at `lacking` of its `of` sizes."""
    sizes = "" if lacking == of else f", {lacking} of {of} sizes"
    return f"{name}{sizes}: {reason}"


def _check_same(
    first: tuple[Path, KernelCostModel, LayerSizes], other: tuple[Path, KernelCostModel, LayerSizes]
) -> None:
    """Raise BadInput where two models are of different layers or devices."""
    one, two = (_identity(model, layer) for _, model, layer in (first, other))
    for what, value in one.items():
        if two[what] != value:
            raise BadInput(
                f"{first[0]} and {other[0]} differ in {what}: {value} and {two[what]}",
                hint="compare ways to run one layer on one device; --shape names a layer",
            )


def _identity(model: KernelCostModel, layer: LayerSizes) -> dict[str, object]:
    """What two models must have in common: all but formats, the dtype and the power limit."""
    return {
        "device": model.file.provenance.device_name,
        "sizes": f"{layer.hidden}x{layer.ffn}",
        "experts": f"{layer.held_experts} of {layer.experts}, top-{layer.top_k}",
        "router": layer.router,
        "activation": layer.activation,
        "shared expert": layer.shared_ffn,
        "tensor-parallel ranks": layer.tensor_parallel,
    }


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
        curves = {one.curve for one in model.curves}
        layers_asked_for(layers, asked, curves)  # refuses a shape that no layer has
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


def _ways(
    model: KernelCostModel, layers: Sequence[LayerSizes], query: CostQuery
) -> Iterator[CostQuery]:
    """The query at each way that it allows: the parts on each format of weights, then all else.

    Packed weights count where any of their operations was measured.
    """
    measured = {one.curve for one in model.curves}
    seen: set[str] = set()
    for layer in layers:
        packed = dict.fromkeys(
            part.weight_bits
            for part in layer.parts
            if part.curve in measured and part not in layer.own_parts
        )
        ways: list[tuple[str | None, int | None]] = [(None, bits) for bits in (None, *packed)]
        routed = [one for one in layer.routed if one.curve not in seen]
        seen |= {one.curve for one in routed}
        for routed_by, bits in (*ways, *((one.op, one.weight_bits) for one in routed)):
            measured_bits = bits or own_bits(layer)
            if query.routed_by in (None, routed_by) and query.weight_bits in (None, measured_bits):
                yield replace(
                    query,
                    routed_by=routed_by,
                    weight_bits=bits,
                    weight_format=layer.weight_format or UNQUANTISED,
                )


def _asked(query: CostQuery) -> str:
    """The options that choose a way."""
    options = {"--routed-by": query.routed_by, "--weight-bits": query.weight_bits}
    return " ".join(f"{name} {value}" for name, value in options.items() if value is not None)


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
        latency_us_lo=cost.latency_us_lo,
        latency_us_hi=cost.latency_us_hi,
        energy_mj=cost.energy_mj,
        energy_mj_lo=cost.energy_mj_lo,
        energy_mj_hi=cost.energy_mj_hi,
        power_w=cost.power_w,
        energy_reason=cost.energy_reason,
        estimated=cost.estimated,
    )
