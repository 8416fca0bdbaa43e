"""Which curve or surface of a model a name means."""

from collections import defaultdict

from ..store.cost_model import CostModelFile
from ..store.errors import BadInput
from ..store.scenario import split_active_experts
from .cost import Cost
from .curve.costs import CurveCosts
from .surface.costs import SurfaceCosts


class Lookup:
    """The curves and surfaces of a model, by operation and by their own names.

    `known` holds the costs that were asked for before, under each name that stands for one curve.
    Raises BadInput for two curves of one name.
    """

    def __init__(self, file: CostModelFile) -> None:
        self.known: dict[str, dict[int, Cost]] = {}
        self._file = file
        self._curves: defaultdict[str, list[CurveCosts]] = defaultdict(list)
        self._surfaces = [SurfaceCosts(surface, file.thermal) for surface in file.surfaces]
        for curve in file.curves:
            costs = CurveCosts(curve, file)
            for name in {curve.op, curve.curve}:
                self._curves[name].append(costs)
        for name, found in self._curves.items():
            if len(found) == 1:
                self.known[name] = found[0].known
            elif name in {costs.curve.curve for costs in found}:
                raise BadInput(f"the model has two curves that are called {name}")

    def curves(self, name: str) -> list[CurveCosts]:
        """All curves of a name. Raises BadInput where there is none."""
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
        self, name: str, shape: tuple[int, ...] | None, active_experts: int | None = None
    ) -> CurveCosts | None:
        """Find the one curve that is meant; None where `shape` is one that was not measured.

        Raises BadInput where there is none, or where there are several.
        """
        found = self.curves(name)
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

    def measured(self, name: str, shape: tuple[int, ...] | None) -> CurveCosts:
        """Find the one curve that is meant. Raises BadInput also where its shape is unmeasured."""
        found = self.curve(name, shape)
        if found is None:
            raise BadInput(f"{name} was not measured at shape {'x'.join(map(str, shape or ()))}")
        return found

    def surface(
        self, name: str, shape: tuple[int, ...] | None, active_experts: int | None
    ) -> tuple[SurfaceCosts, int | None] | None:
        """Find the one surface that is meant, and its experts; None where a curve is, or nothing.

        The name of one of the curves that make up the surface names the active experts, too.
        Raises BadInput where there are several.
        """
        if active_experts is None and name in self._curves:
            return None
        if active_experts is None:
            name, active_experts = split_active_experts(name)
        found = [
            costs
            for costs in self._surfaces
            if name in (costs.surface.surface, costs.surface.op)
            and (shape is None or costs.surface.shape == tuple(shape))
        ]
        if len(found) > 1:
            names = ", ".join(costs.surface.surface for costs in found)
            raise BadInput(
                f"{name} stands for {len(found)} surfaces", hint=f"name the shape, or: {names}"
            )
        return (found[0], active_experts) if found else None
