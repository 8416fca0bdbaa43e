"""Look up what an operation costs: `kernel_cost_model.json`, ready for questions."""

from collections.abc import Iterable, Sequence
from math import inf
from operator import index
from pathlib import Path
from typing import Self, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from ..store.cost_model import CostModelFile, CurveModel, SurfaceModel
from ..store.document import read_document
from ..store.errors import BadInput
from .breakdown import CostBreakdown, at_temperature, take_apart, under_pressure
from .checksum import verify_checksum
from .consistency import check_file
from .cost import Cost
from .curve.costs import Costs
from .curve.extrapolation import OutOfRange
from .curve.transfer import transfer
from .layer import EXPERT_OPS, ROUTER_OPS, LayerCost, LayerPart, compose, expert_loads
from .lookup import Lookup
from .power_limit_energy import with_estimated_energy
from .roofline import Roofline
from .thermal.heat import thermal_safe_batch_size

__all__ = ["Cost", "CostBreakdown", "KernelCostModel", "LayerCost", "OutOfRange"]


class Conditions(TypedDict, total=False):
    """What `get_cost` may be told beside the batch size; None is as good as nothing.

    `memory_pressure` is the share of the memory bandwidth that others take, 0 to below 1;
    `current_temp_c` acts where leakage was fitted; `allow_estimates` gives an estimated energy,
    marked as one, to a curve that has none. They are not arguments of their own because
    Python would fill in four defaults at each look-up, a fifth of its time.
    """

    active_experts: int | None
    current_temp_c: float | None
    memory_pressure: float | None
    shape: tuple[int, ...] | None
    allow_estimates: bool


class KernelCostModel:
    """A cost model that is ready for look-ups.

    Nothing is evaluated at loading. A curve is evaluated over its whole domain when it is first
    asked for, and each cost is kept once made, so that asking again costs two dictionary look-ups.
    """

    def __init__(self, file: CostModelFile) -> None:
        check_file(file)
        self.file = file
        self._directory = Lookup(file)
        self._known = self._directory.known

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read `kernel_cost_model.json`.

        Raises BadInput where `path` is no cost model of a known version, was changed by hand, or
        contradicts itself.
        """
        file = read_document(Path(path), CostModelFile)
        verify_checksum(Path(path))
        return cls(file)

    @classmethod
    def from_file(cls, file: CostModelFile) -> Self:
        """Take a cost model that is in memory. Raises BadInput where it contradicts itself."""
        return cls(file)

    @property
    def curves(self) -> tuple[CurveModel, ...]:
        """The curves, as they stand in the file."""
        return self.file.curves

    def get_cost(self, op: str, batch_size: int, **conditions: Unpack[Conditions]) -> Cost:
        """Look up one call of `op` on `batch_size` tokens.

        `op` names an operation or a curve; an operation that was measured at several shapes needs
        `shape`, one measured over active experts needs `active_experts`. Beyond the domain, up to
        four doublings, the cost is flagged `extrapolated`; at a shape within two octaves of
        measured ones, `transferred`. `memory_pressure` and `current_temp_c` give an estimate.

        Raises BadInput for an unknown operation, for one name that stands for several curves, and
        for a batch size that is no integer of at least 1; Miss, a BadInput, where nothing near
        enough was measured.
        """
        if not conditions and type(batch_size) is int:  # True and 4.0 would be found as 1 and 4
            try:
                return self._known[op][batch_size]
            except KeyError:
                pass
        return self._find_cost(op, _checked(batch_size), **conditions)

    def _find_cost(
        self,
        op: str,
        tokens: int,
        *,
        active_experts: int | None = None,
        current_temp_c: float | None = None,
        memory_pressure: float | None = None,
        shape: tuple[int, ...] | None = None,
        allow_estimates: bool = False,
    ) -> Cost:
        on_surface = self._directory.surface(op, shape, active_experts)
        if on_surface is not None:
            surface, experts = on_surface
            if memory_pressure is not None or current_temp_c is not None:
                raise BadInput(f"{op} over active experts is known as measured, and not otherwise")
            cost = surface.cost(tokens, _checked_experts(op, experts))
            return self._estimated(cost, surface.surface, None) if allow_estimates else cost
        found = self._directory.curve(op, shape, active_experts)
        if found is None:
            assert shape is not None
            if memory_pressure is not None:
                raise BadInput(f"{op} at an unmeasured shape is not known under memory pressure")
            known = self._directory.curves(op)
            cost = transfer(op, tuple(shape), tokens, known, self.file.peaks)
            return self._estimated(cost, known[0].curve, None) if allow_estimates else cost
        cost = found.cost(tokens)
        if allow_estimates:
            cost = self._estimated(cost, found.curve, found.bound)
        if memory_pressure is not None:
            cost = under_pressure(cost, found.curve, found.bound, memory_pressure)
        if current_temp_c is not None:
            cost = at_temperature(cost, self.file.thermal, current_temp_c)
        return cost

    def _estimated(
        self, cost: Cost, fitted: CurveModel | SurfaceModel, bound: Roofline | None
    ) -> Cost:
        return with_estimated_energy(cost, fitted.idle_power_w, bound, self.file.provenance)

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
        found = self._directory.curve(op, shape)
        if found is None:
            raise BadInput(f"{op} was not measured at shape {shape}", hint="ask for one at a time")
        if isinstance(sizes, np.ndarray) and sizes.dtype == np.int64 and sizes.ndim == 1:
            costs = found.inner_costs(sizes.astype(np.int64, copy=False))
            if costs is not None:
                return costs
        asked = [_checked(size) for size in sizes]
        if asked:
            found.check_reach(max(asked))  # first: an array does not hold every integer
        return found.costs(np.array(asked, dtype=np.int64))

    def get_interval_us(
        self,
        op: str,
        batch_size: int,
        percent: int,
        *,
        active_experts: int | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> tuple[float, float]:
        """Bound the latency at a nominal coverage of 50, 80, 90 or 95 percent."""
        if percent not in (50, 80, 90, 95):
            raise BadInput(f"there is no {percent} % interval", hint="ask for 50, 80, 90 or 95")
        tokens = _checked(batch_size)
        on_surface = self._directory.surface(op, shape, active_experts)
        if on_surface is not None:
            surface, experts = on_surface
            return surface.interval_us(tokens, _checked_experts(op, experts), percent)
        return self._directory.measured(op, shape).interval_us(tokens, percent)

    def get_cost_breakdown(
        self, op: str, batch_size: int, *, shape: tuple[int, ...] | None = None
    ) -> CostBreakdown:
        """Look up one call and take it apart: memory, compute, launch, energy, heat."""
        found = self._directory.measured(op, shape)
        cost = found.cost(_checked(batch_size))
        return take_apart(cost, found.curve, found.bound, self.file)

    def get_thermal_safe_batch_size(
        self,
        op: str,
        *,
        max_temp_c: float,
        current_temp_c: float,
        for_s: float = inf,
        shape: tuple[int, ...] | None = None,
    ) -> int | None:
        """Find the largest batch size of the domain that keeps the device at `max_temp_c` or less.

        For `for_s` seconds at the size's power from `current_temp_c` on, by the poles of a recorded
        step. None where even the smallest does not. Raises BadInput where no heat is known, or not
        for so long.
        """
        found = self._directory.measured(op, shape)
        return thermal_safe_batch_size(
            found,
            self.file,
            max_temp_c=max_temp_c,
            current_temp_c=current_temp_c,
            for_s=for_s,
        )

    def get_layer_cost(
        self,
        batch_size: int,
        *,
        top_k: int,
        active_experts: int,
        router_ops: Sequence[str] = ROUTER_OPS,
        expert_ops: Sequence[str] = EXPERT_OPS,
        allow_estimates: bool = False,
    ) -> LayerCost:
        """Compose a mixture-of-experts layer from its kernels, one after the other.

        The router's operations see all of `batch_size`; the experts' see what an even spread sends
        to each active expert. `allow_estimates` acts on each part as in `get_cost`. Raises BadInput
        where an operation is unknown or counts cannot be.
        """

        def part(op: str, size: int, calls: int) -> LayerPart:
            return LayerPart(self.get_cost(op, size, allow_estimates=allow_estimates), calls)

        tokens = _checked(batch_size)
        loads = expert_loads(tokens, top_k, active_experts)
        parts = [part(op, tokens, 1) for op in router_ops]
        for op in expert_ops:
            parts += [part(op, rows, calls) for rows, calls in loads.items()]
        return compose(tokens, top_k, active_experts, parts)


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
    try:
        return index(active_experts)
    except TypeError:
        raise BadInput(
            f"the active experts are {active_experts!r}, and must be an integer"
        ) from None
