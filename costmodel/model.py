"""Look up what an operation costs: `kernel_cost_model.json`, ready for questions."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from math import inf, isfinite
from pathlib import Path
from typing import Self

from ..store.cost_model import CostModelFile, CurveModel
from ..store.document import read_document
from ..store.errors import BadInput
from .cost import Cost, CurveCosts

__all__ = ["Cost", "KernelCostModel"]


class KernelCostModel:
    """A cost model that is ready for look-ups.

    Nothing is evaluated at loading. A curve is evaluated over its whole domain when it is first
    asked for, and each cost is kept once made, so that asking again costs two dictionary look-ups.
    """

    def __init__(self, file: CostModelFile) -> None:
        for curve in file.curves:
            _check(curve)
        self.file = file
        self._by_name: dict[str, list[CurveCosts]] = defaultdict(list)
        self._known: dict[str, dict[int, Cost]] = {}
        for curve in file.curves:
            costs = CurveCosts(curve, file.intervals)
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

    def get_cost(self, op: str, batch_size: int, *, shape: tuple[int, ...] | None = None) -> Cost:
        """Look up one call of `op` on `batch_size` tokens.

        `op` names an operation or a curve; an operation that was measured at several shapes needs
        `shape` too. Raises BadInput for an unknown operation or shape, for one name that stands
        for several curves, and for a batch size that is no integer or lies outside the domain.
        """
        if shape is None and type(batch_size) is int:  # True and 4.0 would be found as 1 and 4
            try:
                return self._known[op][batch_size]
            except KeyError:
                pass
        return self._find(op, shape).cost(batch_size)

    def get_costs(
        self, op: str, sizes: Iterable[int], *, shape: tuple[int, ...] | None = None
    ) -> list[Cost]:
        """Look up several batch sizes of one operation, in the order given, as `get_cost` does."""
        costs = self._find(op, shape)
        return [costs.cost(size) for size in sizes]

    def _find(self, name: str, shape: tuple[int, ...] | None) -> CurveCosts:
        found = self._by_name.get(name)
        if found is None:
            if name in self.file.unmeasured:
                raise BadInput(f"{name} was not measured: {self.file.unmeasured[name]}")
            known = sorted({curve.op for curve in self.curves})
            raise BadInput(
                f"the model has no operation {name!r}",
                hint=f"it has {', '.join(known) or 'none'}",
            )
        fitting = [c for c in found if shape is None or c.curve.shape == tuple(shape)]
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            shapes = sorted({_times(costs.curve.shape) for costs in found})
            raise BadInput(
                f"{name} was not measured at shape {_times(shape or ())}",
                hint=f"it was at {', '.join(shapes)}",
            )
        curves = ", ".join(costs.curve.curve for costs in fitting)
        raise BadInput(
            f"{name} stands for {len(fitting)} curves",
            hint=f"name the shape, or one of the curves: {curves}",
        )


def _check(curve: CurveModel) -> None:
    """Refuse a curve that contradicts itself, as a file edited by hand may."""
    knots, domain = curve.knots_tokens, curve.domain
    columns = (curve.latency_us, curve.energy_mj, curve.temp_rise_c)
    rules = {
        "has fewer than two knots": len(knots) >= 2,
        "has knots that do not ascend from 1 or more": knots[:1] >= (1,)
        and all(left < right for left, right in pairwise(knots)),
        "has a domain that is not its first to its last knot": (
            knots[:1] + knots[-1:] == (domain.first_tokens, domain.last_tokens)
        ),
        "has more or fewer values than knots": all(
            column is None or len(column) == len(knots) for column in columns
        ),
        "has a latency or an energy that is not positive and finite": all(
            0 < value < inf for column in columns[:2] for value in column or ()
        ),
        "has a temperature rise that is not finite": all(map(isfinite, curve.temp_rise_c or ())),
    }
    for complaint, holds in rules.items():
        if not holds:
            raise BadInput(
                f"{curve.curve} {complaint}", hint="build the model anew: `moeprof build-model`"
            )


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "no shape"
