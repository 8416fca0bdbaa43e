"""Look-ups in a cost model: one operation, what its cost is made of, or a whole layer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..costmodel.breakdown import CostBreakdown
from ..costmodel.checksum import UNCHECKED
from ..costmodel.cost import Cost
from ..costmodel.freshness import stale_sentence
from ..costmodel.layer.cost import LayerCost, LayerPart
from ..costmodel.model import KernelCostModel
from ..stats.routing.distribution import distribution_words
from ..store.errors import BadInput, path_argument
from ..store.run import model_file

__all__ = [
    "UNCHECKED",
    "Cost",
    "CostBreakdown",
    "CostQuery",
    "KernelCostModel",
    "LayerCost",
    "LayerPart",
    "load",
    "look_up",
    "staleness",
]

LAYER: Final = "layer"


@dataclass(frozen=True, slots=True, kw_only=True)
class CostQuery:
    """What to look up: an operation, a curve, or "layer" where the model has no such operation.

    `batch_size` counts tokens. `shape`, `weight_bits`, `weight_format` and `active_experts` choose
    among an operation's curves. Of a layer they mean what `LayerConditions` says, as do `top_k`,
    `routing` (or the path of a file of recorded counts), `routed_by` and `link_gb_per_s`, which are
    for a layer alone.
    `memory_pressure_ratio` is the share of the memory bandwidth that others take, from 0 to below
    1. `breakdown` asks for the parts of a cost. `allow_estimates` fills an unmeasured energy in by
    the GPU's power limit.
    """

    op: str
    batch_size: int
    shape: tuple[int, ...] | None = None
    weight_bits: int | None = None
    weight_format: str | None = None
    active_experts: int | None = None
    top_k: int | None = None
    routing: str | None = None
    routed_by: str | None = None
    link_gb_per_s: float | None = None
    memory_pressure_ratio: float | None = None
    breakdown: bool = False
    allow_estimates: bool = False


def load(model: Path | str) -> KernelCostModel:
    """Load a cost model by its file or its run's folder.

    Raises BadInput where there is none, or where it is of an unknown version, was changed by hand
    or contradicts itself.
    """
    return KernelCostModel.load(model_file(path_argument("model", model)))


def look_up(model: KernelCostModel, query: CostQuery) -> Cost | CostBreakdown | LayerCost:
    """Look up what a query asks for.

    Raises BadInput where the model does not know it, or where options of the query contradict each
    other.
    """
    if query.op == LAYER and not _has(model, LAYER):
        return _layer(model, query)
    for option in ("top_k", "routing", "routed_by", "link_gb_per_s"):
        if getattr(query, option) is not None:
            named = option.replace("_", "-")
            raise BadInput(f"--{named} is for a layer, and {query.op} is one operation")
    if query.breakdown:
        return _breakdown(model, query)
    return model.get_cost(
        query.op,
        query.batch_size,
        shape=query.shape,
        weight_bits=query.weight_bits,
        weight_format=query.weight_format,
        active_experts=query.active_experts,
        memory_pressure=query.memory_pressure_ratio,
        allow_estimates=query.allow_estimates,
    )


def staleness(path: Path, model: KernelCostModel) -> str | None:
    """Say why a model may be older than the run that its file lies in; None where it is not."""
    return stale_sentence(path, model.file)


def _layer(model: KernelCostModel, query: CostQuery) -> LayerCost:
    if query.breakdown or query.memory_pressure_ratio is not None:
        raise BadInput(
            "a layer is the sum of its kernels as they were measured",
            hint="leave out --breakdown and --memory-pressure, or name an operation",
        )
    return model.get_layer_cost(
        query.batch_size,
        top_k=query.top_k,
        active_experts=query.active_experts,
        shape=query.shape,
        weight_bits=query.weight_bits,
        weight_format=query.weight_format,
        routing=None if query.routing is None else distribution_words(query.routing),
        routed_by=query.routed_by,
        link_gb_per_s=query.link_gb_per_s,
        allow_estimates=query.allow_estimates,
    )


def _breakdown(model: KernelCostModel, query: CostQuery) -> CostBreakdown:
    if query.op in _surfaces(model):
        ops = ", ".join(sorted({curve.op for curve in model.curves}))
        raise BadInput(
            f"what {query.op} is made of is not known: the model holds its cost alone, by batch"
            " size and active experts",
            hint="ask for that cost, without --breakdown and with --active-experts N; what can be"
            f" taken apart: {ops or 'nothing in this model'}",
        )
    if query.active_experts or query.memory_pressure_ratio or query.allow_estimates:
        raise BadInput(
            "--breakdown takes a cost apart as it was measured",
            hint="leave out --active-experts, --memory-pressure and --allow-estimates",
        )
    return model.get_cost_breakdown(
        query.op,
        query.batch_size,
        shape=query.shape,
        weight_bits=query.weight_bits,
        weight_format=query.weight_format,
    )


def _surfaces(model: KernelCostModel) -> set[str]:
    """Names of what was measured over active experts."""
    return {name for one in model.file.surfaces for name in (one.op, one.surface)}


def _has(model: KernelCostModel, op: str) -> bool:
    """Whether the model has an operation of this name."""
    return op in _surfaces(model) or op in {curve.op for curve in model.curves}
