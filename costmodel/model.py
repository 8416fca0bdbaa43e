"""Look up what an operation costs: `kernel_cost_model.json`, loaded."""

from collections.abc import Iterable
from math import inf
from pathlib import Path
from typing import Self, Unpack

import numpy as np
from numpy.typing import NDArray

from ..stats.conformal import COVERAGES_PCT
from ..store.cost_model import CostModelFile, CurveModel
from ..store.document import from_json, read_json
from ..store.errors import BadInput, check_type, naming, path_argument
from .breakdown import CostBreakdown, take_apart
from .checksum import verify_checksum
from .consistency import check_file
from .cost import Cost
from .curve.costs import Costs
from .curve.extrapolation import OutOfRange
from .layer.choice import layers_asked_for
from .layer.cost import LayerCost
from .layer.gated import gated_cost
from .layer.kernels import kernel_sum
from .layer.query import LayerConditions, LayerQuery
from .lookup import Lookup
from .query import Conditions, Query, checked_experts, checked_size, find_cost
from .thermal.safe_batch_size import ThermalLimit, thermal_safe_batch_size
from .weights import WeightChoice

__all__ = [
    "Conditions",
    "Cost",
    "CostBreakdown",
    "KernelCostModel",
    "LayerCost",
    "OutOfRange",
]


class KernelCostModel:
    """A cost model that is ready for look-ups.

    Loading evaluates nothing. A curve is evaluated over its whole domain at its first look-up, and
    each `Cost` is kept, so that the next look-up of the same size costs two dictionary accesses.
    """

    def __init__(self, file: CostModelFile) -> None:
        check_type("file", file, CostModelFile)
        check_file(file)
        self.file = file
        self._lookup = Lookup(file)
        self._known = self._lookup.known

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read `kernel_cost_model.json`.

        Raises BadInput where `path` is not a cost model of a known version, was changed by hand, or
        contradicts itself.
        """
        path = path_argument("path", path)
        body = read_json(path, CostModelFile)
        file = from_json(path, body, CostModelFile)
        verify_checksum(path, body)
        with naming(path, hint=CostModelFile.WAY_OUT):
            return cls(file)

    @classmethod
    def from_file(cls, file: CostModelFile) -> Self:
        """Take a cost model that is in memory. Raises BadInput where it contradicts itself."""
        return cls(file)

    @property
    def curves(self) -> tuple[CurveModel, ...]:
        """The curves of the file."""
        return self.file.curves

    def get_cost(self, op: str, batch_size: int, **conditions: Unpack[Conditions]) -> Cost:
        """Look up one call of `op` on `batch_size` tokens.

        `op` names an operation or a curve; an operation that was measured at several shapes needs
        `shape`, with weights of several bits `weight_bits`, in several formats `weight_format`,
        over active experts `active_experts`.
        Beyond the domain, up to four doublings, the cost is flagged `extrapolated`; at a shape
        within two octaves of measured ones, `transferred`; with `memory_pressure` or
        `current_temp_c`, `estimated`.

        Raises BadInput for an unknown operation, for a name that stands for several curves, and
        for a batch size that is no integer of at least 1; OutOfRange, a BadInput, where nothing
        near enough was measured.
        """
        if not conditions and type(batch_size) is int:  # True and 4.0 would be found as 1 and 4
            try:
                return self._known[op][batch_size]
            except (KeyError, TypeError):  # a list is no name
                pass
        query = Query(op, checked_size(batch_size), **conditions)
        return find_cost(query, self._lookup, self.file)

    def get_costs(
        self,
        op: str,
        sizes: Iterable[int] | NDArray[np.integer],
        *,
        shape: tuple[int, ...] | None = None,
        weight_bits: int | None = None,
        weight_format: str | None = None,
    ) -> Costs:
        """Look up several batch sizes of one operation, in the order given, as `get_cost` does.

        `sizes` are N integers; an int64 array [N] is not copied. The costs come as arrays [N], and
        as a sequence of `Cost`.
        """
        found = self._lookup.curve(op, shape, weights=WeightChoice(weight_bits, weight_format))
        if found is None:
            raise BadInput(f"{op} was not measured at shape {shape}", hint="ask for one at a time")
        if isinstance(sizes, np.ndarray) and sizes.dtype == np.int64 and sizes.ndim == 1:
            costs = found.inner_costs(sizes.astype(np.int64, copy=False))
            if costs is not None:
                return costs
        check_type("sizes", sizes, Iterable)
        asked = [checked_size(size) for size in sizes]
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
        weight_bits: int | None = None,
        weight_format: str | None = None,
    ) -> tuple[float, float]:
        """Bounds of the latency in us at a nominal coverage of 50, 80, 90 or 95 percent."""
        if percent not in COVERAGES_PCT:
            raise BadInput(f"there is no {percent} % interval", hint="ask for 50, 80, 90 or 95")
        percent, tokens = int(percent), checked_size(batch_size)
        weights = WeightChoice(weight_bits, weight_format)
        on_surface = self._lookup.surface(op, shape, active_experts, weights)
        if on_surface is not None:
            surface, experts = on_surface
            return surface.interval_us(tokens, checked_experts(op, experts), percent)
        return self._lookup.measured(op, shape, weights).interval_us(tokens, percent)

    def get_cost_breakdown(
        self,
        op: str,
        batch_size: int,
        *,
        shape: tuple[int, ...] | None = None,
        weight_bits: int | None = None,
        weight_format: str | None = None,
    ) -> CostBreakdown:
        """Look up one call, split into memory, compute, launch, energy and heat."""
        found = self._lookup.measured(op, shape, WeightChoice(weight_bits, weight_format))
        cost = found.cost(checked_size(batch_size))
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
        """Largest batch size of the domain that keeps the device at `max_temp_c` or less.

        The device starts at `current_temp_c` and runs calls of that size one after another for
        `for_s` seconds; its temperature follows from the poles of the recorded step. None where
        even the smallest size exceeds the limit. Raises BadInput where no thermal response is
        known, or only for a shorter time.
        """
        found = self._lookup.measured(op, shape)
        limit = ThermalLimit(max_temp_c, current_temp_c, for_s)
        return thermal_safe_batch_size(found, self.file, limit)

    def get_layer_cost(self, batch_size: int, **asked: Unpack[LayerConditions]) -> LayerCost:
        """Look up one pass of `batch_size` tokens through a mixture-of-experts layer.

        A layer of gated experts (`--ops layer`) is the sum of its parts, what it takes otherwise as
        one unit, and the exchanges between ranks (docs/model.md). Where it was measured as one
        unit, that measurement is the answer. Without such a layer in the model, or
        where operations are named, it is the sum of kernels that need `top_k` and `active_experts`:
        the router's on all tokens, and the experts' once per active expert, on an even share of the
        assignments.

        Raises BadInput where several layers, or none, fit what is asked, and for counts that no
        routing can give; OutOfRange as `get_cost` does.
        """
        query = LayerQuery(checked_size(batch_size), **asked)
        curves = {one.curve for one in self.curves}
        layers = () if query.names_operations else layers_asked_for(self.file.layers, query, curves)
        if layers:
            return gated_cost(layers, query, self._lookup, self.file)
        return kernel_sum(query, self._lookup, self.file)
