"""Look up what an operation costs: `kernel_cost_model.json`, ready for questions."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import index
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..store.cost_model import CostModelFile, CurveModel
from ..store.document import read_document
from ..store.errors import BadInput
from .breakdown import CostBreakdown, at_temperature, take_apart, under_pressure
from .consistency import check_file
from .cost import Cost
from .curve_cost import Costs, CurveCosts
from .layer import EXPERT_OPS, ROUTER_OPS, LayerCost, LayerPart, compose, expert_loads
from .outside import Miss
from .surface_cost import SurfaceCosts
from .transfer import transfer

__all__ = ["Cost", "CostBreakdown", "KernelCostModel", "LayerCost", "Miss"]


class KernelCostModel:
    """A cost model that is ready for look-ups.

    Nothing is evaluated at loading. A curve is evaluated over its whole domain when it is first
    asked for, and each cost is kept once made, so that asking again costs two dictionary look-ups.
    """

    def __init__(self, file: CostModelFile) -> None:
        check_file(file)
        self.file = file
        self._by_name: dict[str, list[CurveCosts]] = defaultdict(list)
        self._surfaces = {s.surface: SurfaceCosts(s) for s in file.surfaces}
        self._known: dict[str, dict[int, Cost]] = {}
        for curve in file.curves:
            costs = CurveCosts(curve, file)
            for name in {curve.op, curve.curve}:
                self._by_name[name].append(costs)
        for name, found in self._by_name.items():
            if len(found) == 1:
                self._known[name] = found[0].known
            elif name in {costs.curve.curve for costs in found}:
                raise BadInput(f"the model has two curves that are called {name}")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read `kernel_cost_model.json`.

        Raises BadInput where `path` is no cost model of a known version, or contradicts itself.
        """
        return cls(read_document(path, CostModelFile))

    @classmethod
    def from_file(cls, file: CostModelFile) -> Self:
        """Take a cost model that is in memory. Raises BadInput where it contradicts itself."""
        return cls(file)

    @property
    def curves(self) -> tuple[CurveModel, ...]:
        """The curves, as they stand in the file."""
        return self.file.curves

    def get_cost(
        self,
        op: str,
        batch_size: int,
        *,
        active_experts: int | None = None,
        current_temp_c: float | None = None,
        memory_pressure: float | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> Cost:
        """Look up one call of `op` on `batch_size` tokens.

        `op` names an operation or a curve; an operation that was measured at several shapes needs
        `shape`, one measured over active experts needs `active_experts`. Beyond the domain, up to
        four doublings, the cost is flagged `extrapolated`; at a shape within two octaves of
        measured ones, `transferred`. `memory_pressure` is the share of the memory bandwidth that
        others take, 0 to below 1; `current_temp_c` acts where leakage was fitted. Both give an
        estimate.

        Raises BadInput for an unknown operation, for one name that stands for several curves, and
        for a batch size that is no integer of at least 1; Miss, a BadInput, where nothing near
        enough was measured.
        """
        if (
            active_experts is None
            and current_temp_c is None
            and memory_pressure is None
            and shape is None
            and type(batch_size) is int  # True and 4.0 would be found as 1 and 4
        ):
            try:
                return self._known[op][batch_size]
            except KeyError:
                pass
        tokens = _checked(batch_size)
        surface = self._find_surface(op, shape, active_experts)
        if surface is not None:
            cost = surface.cost(tokens, _checked_experts(op, active_experts))
            if memory_pressure is not None or current_temp_c is not None:
                raise BadInput(f"{op} over active experts is known as measured, and not otherwise")
            return cost
        found = self._find(op, shape, active_experts)
        if found is None:
            assert shape is not None
            return transfer(op, tuple(shape), tokens, self._by_name[op], self.file.peaks)
        cost = found.cost(tokens)
        if memory_pressure is not None:
            cost = under_pressure(cost, found.curve, found.bound, memory_pressure)
        if current_temp_c is not None:
            cost = at_temperature(cost, self.file.thermal, current_temp_c)
        return cost

    def get_costs(
        self,
        op: str,
        sizes: Iterable[int] | NDArray[np.integer],
        *,
        shape: tuple[int, ...] | None = None,
    ) -> Costs:
        """Look up several batch sizes of one operation, in the order given, as `get_cost` does.

        `sizes` [N] of integers; an int64 array is taken as it is. The costs come as arrays [N], and
        as a sequence of `Cost`.
        """
        found = self._find(op, shape, None)
        if found is None:
            raise BadInput(f"{op} was not measured at shape {shape}", hint="ask for one at a time")
        if isinstance(sizes, np.ndarray) and sizes.dtype == np.int64 and sizes.ndim == 1:
            costs = found.inner_costs(sizes.astype(np.int64, copy=False))
            if costs is not None:
                return costs
        return found.costs(np.array([_checked(size) for size in sizes], dtype=np.int64))

    def get_interval_us(
        self, op: str, batch_size: int, percent: int, *, shape: tuple[int, ...] | None = None
    ) -> tuple[float, float]:
        """Bound the latency at a nominal coverage of 50, 80, 90 or 95 percent."""
        if percent not in (50, 80, 90, 95):
            raise BadInput(f"there is no {percent} % interval", hint="ask for 50, 80, 90 or 95")
        return self._measured(op, shape).interval_us(_checked(batch_size), percent)

    def get_cost_breakdown(
        self, op: str, batch_size: int, *, shape: tuple[int, ...] | None = None
    ) -> CostBreakdown:
        """Look up one call and take it apart: memory, compute, launch, energy, heat."""
        found = self._measured(op, shape)
        return take_apart(found.cost(_checked(batch_size)), found.curve, found.bound)

    def get_thermal_safe_batch_size(
        self,
        op: str,
        *,
        max_temp_c: float,
        current_temp_c: float,
        shape: tuple[int, ...] | None = None,
    ) -> int | None:
        """Find the largest measured-range batch size that keeps the device at `max_temp_c` or less.

        None where even the smallest does not. Raises BadInput where no heat is known.
        """
        found = self._measured(op, shape)
        domain = found.curve.domain
        sizes = np.arange(domain.first_tokens, domain.last_tokens + 1, dtype=np.int64)
        rises = found.costs(sizes).temp_rise_c
        if np.isnan(rises).all():
            raise BadInput(
                f"the heat of {op} is not known: {found.curve.temp_rise_reason}",
                hint="profile it with power and temperature",
            )
        safe = sizes[current_temp_c + rises <= max_temp_c]
        return int(safe[-1]) if len(safe) else None

    def get_layer_cost(
        self,
        batch_size: int,
        *,
        top_k: int,
        active_experts: int,
        router_ops: Sequence[str] = ROUTER_OPS,
        expert_ops: Sequence[str] = EXPERT_OPS,
    ) -> LayerCost:
        """Compose a mixture-of-experts layer from its kernels, one after the other.

        The router's operations see all of `batch_size`; the experts' see what an even spread sends
        to each active expert. Raises BadInput where an operation is unknown or counts cannot be.
        """
        tokens = _checked(batch_size)
        loads = expert_loads(tokens, top_k, active_experts)
        parts = [LayerPart(self.get_cost(op, tokens), 1) for op in router_ops]
        for op in expert_ops:
            parts += [LayerPart(self.get_cost(op, rows), calls) for rows, calls in loads.items()]
        return compose(tokens, top_k, active_experts, parts)

    def _find_surface(
        self, name: str, shape: tuple[int, ...] | None, active_experts: int | None
    ) -> SurfaceCosts | None:
        if active_experts is None and name in self._by_name:
            return None
        found = [
            costs
            for surface, costs in self._surfaces.items()
            if name in (surface, costs.surface.op) and shape in (None, costs.surface.shape)
        ]
        if len(found) > 1:
            names = ", ".join(costs.surface.surface for costs in found)
            raise BadInput(
                f"{name} stands for {len(found)} surfaces", hint=f"name the shape, or: {names}"
            )
        return found[0] if found else None

    def _measured(self, name: str, shape: tuple[int, ...] | None) -> CurveCosts:
        found = self._find(name, shape, None)
        if found is None:
            raise BadInput(f"{name} was not measured at shape {_times(shape or ())}")
        return found

    def _find(
        self, name: str, shape: tuple[int, ...] | None, active_experts: int | None
    ) -> CurveCosts | None:
        """Find the one curve that is meant; None where `shape` is one that was not measured."""
        found = self._by_name.get(name)
        if found is None:
            if name in self.file.unmeasured:
                raise BadInput(f"{name} was not measured: {self.file.unmeasured[name]}")
            known = sorted({c.op for c in self.curves} | {s.op for s in self.file.surfaces})
            raise BadInput(
                f"the model has no operation {name!r}",
                hint=f"it has {', '.join(known) or 'none'}",
            )
        if active_experts is not None:
            found = [costs for costs in found if costs.curve.active_experts == active_experts]
            if not found:
                raise BadInput(f"{name} was not measured with {active_experts} active experts")
        fitting = [c for c in found if shape is None or c.curve.shape == tuple(shape)]
        if len(fitting) > 1:
            curves = ", ".join(costs.curve.curve for costs in fitting[:8])
            raise BadInput(
                f"{name} stands for {len(fitting)} curves",
                hint=f"name the shape, or one of the curves: {curves}",
            )
        return fitting[0] if fitting else None


def _checked(batch_size: int) -> int:
    """Give a batch size as an int of at least 1."""
    try:
        if isinstance(batch_size, bool):
            raise TypeError
        tokens = index(batch_size)
    except TypeError:
        raise BadInput(f"the batch size is {batch_size!r}, and it must be an integer") from None
    if tokens < 1:
        raise BadInput(f"the batch size is {tokens}, and the smallest is 1")
    return tokens


def _checked_experts(op: str, active_experts: int | None) -> int:
    if active_experts is None or isinstance(active_experts, bool):
        raise BadInput(
            f"{op} was measured over active experts, and none are named",
            hint="count the experts that get a token, and give active_experts",
        )
    return index(active_experts)


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "no shape"
