"""Pair each curve of the points with its predictor in the model, by name."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..costmodel.model import KernelCostModel
from ..energy.point_energies import NO_ANCHOR
from ..store.plan import Role
from .coverage import COLUMNS
from .fitted import Fitted, cut_through_surface, fitted_curves

Row = dict[str, Any]
# Quantity to the keys of the scenarios that were measured only while the machine was not quiet.
DisturbedKeys = Mapping[str, Collection[str]]

NO_HELD_OUT_LOAD: Final = (
    "no held-out size was under a load: `moeprof validate --against nvml` holds them"
)


@dataclass(frozen=True, slots=True)
class PairedCurve:
    """The points of one curve and its predictor `fitted`; `missing` is the reason where it is None.

    `rows` are the points of every role, `held_out` those of role "holdout", ascending in tokens.
    """

    name: str
    op: str
    fitted: Fitted | None
    missing: str
    rows: tuple[Row, ...]
    held_out: tuple[Row, ...]

    def why_not_judged(self, metric: str) -> str | None:
        """Why a quantity cannot be compared at any point; None where it can.

        None also for latency: the verdict on it names the points that have none.
        """
        if metric == "latency":
            return None
        if self.fitted is None:
            return self.missing
        if self.fitted.energy_reason is not None:
            return self.fitted.energy_reason
        if any(row[COLUMNS[metric]] is not None for row in self.held_out):
            return None
        given = [row["energy_reason"] for row in self.held_out if row["energy_reason"]]
        if NO_ANCHOR in given:
            return NO_HELD_OUT_LOAD
        return given[0] if given else f"no hold-out point has {COLUMNS[metric]}"

    @property
    def why_no_heat(self) -> str:
        """Why no temperature rise is compared."""
        return self.missing if self.fitted is None else self.fitted.heat_reason


def pair_curves(model: KernelCostModel, rows: Iterable[Row]) -> list[PairedCurve]:
    """All curves of the model and of the points, by name."""
    of_curve: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_curve[row["curve"]].append(row)
    fitted = fitted_curves(model)
    curves = []
    for name in sorted(fitted.keys() | of_curve.keys()):
        own = fitted.get(name) or cut_through_surface(model, name)
        curves.append(_paired(model, name, own, of_curve[name]))
    return curves


def _paired(
    model: KernelCostModel, name: str, fitted: Fitted | None, rows: list[Row]
) -> PairedCurve:
    op = rows[0]["op"] if fitted is None else fitted.op
    reasons = model.file.unmeasured
    why = reasons.get(name) or reasons.get(op) or "nothing says why"
    held_out = [row for row in rows if row["role"] == Role.HOLDOUT]
    return PairedCurve(
        name=name,
        op=op,
        fitted=fitted,
        missing=f"the model lacks this curve: {why}",
        rows=tuple(rows),
        held_out=tuple(sorted(held_out, key=lambda row: row["tokens"])),
    )
