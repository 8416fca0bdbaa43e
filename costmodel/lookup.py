"""Find the curve or surface of a model by the name of an operation or its own."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from types import NoneType
from typing import Final

import numpy as np

from ..store.cost_model import CostModelFile
from ..store.errors import BadInput, check_type
from ..store.scenario import split_active_experts
from ..store.text.listed import listed
from .cost import Cost
from .curve.costs import CurveCosts
from .surface.costs import SurfaceCosts
from .weights import ANY_WEIGHTS, WeightChoice

_LARGEST_SIZE: Final = 2**31 - 1
_SHOWN_BELOW: Final = 10**99


class Lookup:
    """The curves and surfaces of a model, by operation and by their own names.

    `known` holds the costs of earlier look-ups, by each name that stands for one curve alone.
    Raises BadInput for two curves with the same name.
    """

    def __init__(self, file: CostModelFile) -> None:
        self.known: dict[str, dict[int, Cost]] = {}
        self._file = file
        self._curves: defaultdict[str, list[CurveCosts]] = defaultdict(list)
        turns_95 = file.intervals.turns_95
        self._surfaces = [SurfaceCosts(one, file.thermal, turns_95) for one in file.surfaces]
        for curve in file.curves:
            costs = CurveCosts(curve, file)
            for name in {curve.op, curve.curve}:
                self._curves[name].append(costs)
        for name, found in self._curves.items():
            if len(found) == 1:
                self.known[name] = found[0].known
            elif name in {costs.curve.curve for costs in found}:
                raise BadInput(f"the model has two curves that are called {name}")

    def has(self, name: str) -> bool:
        """Whether the model has a curve of this name."""
        return name in self._curves

    def curves(self, name: str) -> list[CurveCosts]:
        """All curves of a name. Raises BadInput where there is none."""
        check_type("op", name, str)
        if name not in self._curves:
            unmeasured = self._file.unmeasured
            if name in unmeasured:
                raise BadInput(f"{name} was not measured: {unmeasured[name]}")
            ops = {c.op for c in self._file.curves} | {s.op for s in self._file.surfaces}
            raise BadInput(
                f"the model has no operation {name!r}",
                hint=f"it has {', '.join(sorted(ops)) or 'none'}",
            )
        return self._curves[name]

    def curve(
        self,
        name: str,
        shape: tuple[int, ...] | None,
        active_experts: int | None = None,
        weights: WeightChoice = ANY_WEIGHTS,
    ) -> CurveCosts | None:
        """The one curve of a name at `shape`; None where that shape was not measured.

        Raises BadInput for an unknown name, for one that stands for several curves, which it lists,
        and where `active_experts` or `weights` were not measured.
        """
        _check_shape(shape)
        found = weights.among(name, self.curves(name))
        if active_experts is not None:
            found = [costs for costs in found if costs.curve.active_experts == active_experts]
            if not found:
                raise BadInput(f"{name} was not measured with {active_experts} active experts")
        fitting = [c for c in found if shape is None or c.curve.shape == tuple(shape)]
        if len(fitting) > 1:
            curves = listed(costs.curve.curve for costs in fitting)
            raise BadInput(
                f"{name} stands for {len(fitting)} curves: {curves}",
                hint="name the shape, the bits or format of its weights, or one of these curves",
            )
        return fitting[0] if fitting else None

    def measured(
        self, name: str, shape: tuple[int, ...] | None, weights: WeightChoice = ANY_WEIGHTS
    ) -> CurveCosts:
        """The one curve of a name at `shape`. Raises BadInput also for an unmeasured shape."""
        found = self.curve(name, shape, weights=weights)
        if found is None:
            raise BadInput(f"{name} was not measured at shape {'x'.join(map(str, shape or ()))}")
        return found

    def surface(
        self,
        name: str,
        shape: tuple[int, ...] | None,
        active_experts: int | None,
        weights: WeightChoice = ANY_WEIGHTS,
    ) -> tuple[SurfaceCosts, int | None] | None:
        """The one surface of a name, and the active experts; None where no surface has the name.

        A name that ends in a number of active experts, as that of a curve through the surface does,
        gives them too. Raises BadInput for a name that stands for several surfaces, and for
        `weights` that were not measured.
        """
        check_type("op", name, str)
        _check_shape(shape)
        if active_experts is None and name in self._curves:
            return None
        if active_experts is None:
            name, active_experts = split_active_experts(name)
        named = [
            costs
            for costs in self._surfaces
            if name in (costs.surface.surface, costs.surface.op)
            and (shape is None or costs.surface.shape == tuple(shape))
        ]
        found = [costs for costs in named if weights.fits(costs.surface)]
        if named and not found and name not in self._curves:
            raise weights.refusal(name, [costs.surface for costs in named])
        if len(found) > 1:
            names = ", ".join(costs.surface.surface for costs in found)
            raise BadInput(
                f"{name} stands for {len(found)} surfaces", hint=f"name the shape, or: {names}"
            )
        return (found[0], active_experts) if found else None


def _check_shape(shape: Sequence[int] | None) -> None:
    """Raise BadInput for a shape that is none of an operation: each size is of 1 to 2^31 - 1."""
    check_type("shape", shape, Iterable, NoneType)
    for size in () if shape is None else shape:
        check_type("a size of the shape", size, int, np.integer)
        if not 1 <= size <= _LARGEST_SIZE:
            shown = size if abs(size) < _SHOWN_BELOW else "longer"  # than Python writes as a text
            raise BadInput(
                f"a size of the shape is {shown}, and it must be at least 1 and at most"
                f" {_LARGEST_SIZE}",
                hint="write the sizes as the name of the operation's curve has them",
            )
