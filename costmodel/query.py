"""One look-up in a cost model, and the three ways to answer it.

A surface answers for an operation that was measured over active experts, a curve for any other, and
the curves of other shapes for a shape that was not measured.
"""

from dataclasses import dataclass
from numbers import Real
from operator import index
from types import NoneType
from typing import Final, TypedDict

from ..store.cost_model import CostModelFile, FittedOp
from ..store.errors import BadInput, check_type
from ..store.text.listed import listed
from .conditions.memory_pressure import under_pressure
from .conditions.power_limit_energy import with_estimated_energy
from .conditions.temperature import at_temperature
from .cost import Cost
from .curve.costs import CurveCosts
from .curve.transfer import transfer
from .lookup import Lookup
from .roofline import Roofline
from .surface.costs import SurfaceCosts
from .weights import WeightChoice, weight_format_of

_SHOWN_BELOW: Final = 10**99  # Python writes no integer of thousands of digits as a text


class Conditions(TypedDict, total=False):
    """Keyword arguments of `get_cost`; None is the same as leaving one out.

    `shape`, `weight_bits` and `weight_format` choose among the curves of an operation; weights that
    are not quantised have the bits of the dtype and the format "none".
    `memory_pressure` is the share of the memory bandwidth that other work takes, from 0 to below 1.
    `current_temp_c` has an effect where leakage was fitted. `allow_estimates` gives a cost without
    energy one that is estimated from the power limit, flagged `estimated`. They are not arguments
    with defaults, because Python would fill in four of these at each look-up, a fifth of its time.
    """

    active_experts: int | None
    current_temp_c: float | None
    memory_pressure: float | None
    shape: tuple[int, ...] | None
    weight_bits: int | None
    weight_format: str | None
    allow_estimates: bool


@dataclass(frozen=True, slots=True)
class Query:
    """One call of `op` on `tokens` tokens; the other fields are those of `Conditions`."""

    op: str
    tokens: int
    active_experts: int | None = None
    current_temp_c: float | None = None
    memory_pressure: float | None = None
    shape: tuple[int, ...] | None = None
    weight_bits: int | None = None
    weight_format: str | None = None
    allow_estimates: bool = False

    def __post_init__(self) -> None:
        check_type("current_temp_c", self.current_temp_c, Real, NoneType)
        check_type("memory_pressure", self.memory_pressure, Real, NoneType)
        check_type("allow_estimates", self.allow_estimates, bool)


def find_cost(query: Query, lookup: Lookup, file: CostModelFile) -> Cost:
    """Answer a query. Raises BadInput as `KernelCostModel.get_cost` does."""
    weights = WeightChoice(query.weight_bits, query.weight_format)
    on_surface = lookup.surface(query.op, query.shape, query.active_experts, weights)
    if on_surface is not None:
        return _surface_cost(query, *on_surface, file)
    curve = lookup.curve(query.op, query.shape, query.active_experts, weights)
    if curve is not None:
        return _curve_cost(query, curve, file)
    known = weights.among(query.op, lookup.curves(query.op))
    return _transferred_cost(query, known, file)


def _surface_cost(
    query: Query, surface: SurfaceCosts, active_experts: int | None, file: CostModelFile
) -> Cost:
    if query.memory_pressure is not None or query.current_temp_c is not None:
        raise BadInput(f"{query.op} over active experts is known as measured, and not otherwise")
    cost = surface.cost(query.tokens, checked_experts(query.op, active_experts))
    return _with_estimate(query, cost, surface.surface, None, file)


def _curve_cost(query: Query, curve: CurveCosts, file: CostModelFile) -> Cost:
    cost = _with_estimate(query, curve.cost(query.tokens), curve.curve, curve.bound, file)
    if query.memory_pressure is not None:
        cost = under_pressure(cost, curve.curve, curve.bound, query.memory_pressure)
    if query.current_temp_c is not None:
        cost = at_temperature(cost, file.thermal, query.current_temp_c)
    return cost


def _transferred_cost(query: Query, known: list[CurveCosts], file: CostModelFile) -> Cost:
    assert query.shape is not None
    formats = sorted({weight_format_of(costs.curve) for costs in known})
    if len(formats) > 1:
        raise BadInput(
            f"{query.op} was measured with weights of {listed(formats)}, and a shape is predicted"
            " from one of them",
            hint="name it: weight_format, or --weight-format",
        )
    if query.memory_pressure is not None:
        raise BadInput(f"{query.op} at an unmeasured shape is not known under memory pressure")
    cost = transfer(query.op, tuple(query.shape), query.tokens, known, file.peaks)
    return _with_estimate(query, cost, known[0].curve, None, file)


def _with_estimate(
    query: Query, cost: Cost, fitted: FittedOp, bound: Roofline | None, file: CostModelFile
) -> Cost:
    if not query.allow_estimates:
        return cost
    return with_estimated_energy(cost, fitted.idle_power_w, bound, file.provenance)


def checked_size(batch_size: int) -> int:
    """A batch size as an int. Raises BadInput for one that is no integer of at least 1."""
    try:
        if isinstance(batch_size, bool):
            raise TypeError
        tokens = index(batch_size)
    except TypeError:
        raise BadInput(f"the batch size is {batch_size!r}, and it must be an integer") from None
    if abs(tokens) >= _SHOWN_BELOW:
        raise BadInput("the batch size has 100 digits or more, and no such size was measured")
    if tokens < 1:
        raise BadInput(f"the batch size is {tokens}, and the smallest is 1")
    return tokens


def checked_experts(op: str, active_experts: int | None) -> int:
    """A number of active experts as an int. Raises BadInput for None and for no integer."""
    if active_experts is None or isinstance(active_experts, bool):
        raise BadInput(
            f"{op} was measured over active experts, and none are named",
            hint="count the experts that get a token, and give active_experts",
        )
    try:
        return index(active_experts)
    except TypeError:
        raise BadInput(
            f"the active experts are {active_experts!r}, and must be an integer"
        ) from None
