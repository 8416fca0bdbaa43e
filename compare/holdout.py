"""A cost model held against points of its own run that its fit never saw."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import expm1, inf
from statistics import median
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa

from ..costmodel.model import KernelCostModel
from ..energy.point_energies import NO_ANCHOR
from ..store.cost_model import Domain
from ..store.errors import BadInput
from ..store.plan import Role
from ..store.verdict import HOLD_OUT_MORE, HoldoutPoint, Validation
from .accuracy import Held, judge, overall
from .coverage import COLUMNS, insides
from .fitted import Fitted, cut_through_surface, fitted_curves
from .sensor import sensor_of

Row = dict[str, Any]

# Median error that a curve may have, by quantity.
LIMITS: Final = MappingProxyType({"latency": 0.03, "power": 0.03, "energy": 0.05})
# Columns of `points` that say how well a quantity repeats, as a |log| ratio.
_REPEATS: Final = MappingProxyType(
    {
        "latency": "repeat_difference",
        "power": "power_repeat_difference",
        "energy": "energy_repeat_difference",
    }
)


@dataclass(frozen=True, slots=True)
class _Curve:
    """The points of one curve beside its fit; `missing` says why it has none."""

    name: str
    op: str
    fitted: Fitted | None
    missing: str
    rows: tuple[Row, ...]
    held_out: tuple[Row, ...]


def validate_holdout(
    model: KernelCostModel, model_name: str, points: pa.Table, *, limit: float | None = None
) -> Validation:
    """Judge a model by the points of role "holdout" of a `points` table.

    The limits on the median error are 3 % of latency, 3 % of power and 5 % of energy, or `limit`
    for each of them. `model_name` is what the verdict calls the model. A curve passes where the
    whole 95 % interval of its median error is within the limit, fails where the whole of it is
    beyond, and is ambiguous otherwise, as it is where the limit is under what two visits of one
    point differ by. The model fails where any curve does, and passes where all do. Power, energy
    and heat that the model or the points lack are in `unmeasured`, with the reason.

    Raises BadInput where there is no hold-out point, where one holds a quantity that is not
    positive and finite, or where `limit` is not.
    """
    if limit is not None and not 0 < limit < inf:
        raise BadInput(f"the limit is {limit}, and it must be positive and finite: 0.03 is 3 %")
    curves = _pair_up(model, points.to_pylist())
    if not any(curve.held_out for curve in curves):
        raise BadInput(
            "there is no hold-out point to validate against",
            hint=HOLD_OUT_MORE,
        )
    verdicts = []
    unmeasured = _merged("heat", {curve.name: _why_no_heat(curve) for curve in curves}, every=True)
    for metric, usual_limit in LIMITS.items():
        reasons = {curve.name: _why_not_judged(curve, metric) for curve in curves}
        judged = [curve for curve in curves if reasons[curve.name] is None]
        verdicts += [judge(_hold(c, metric), limit or usual_limit) for c in judged]
        unmeasured |= _merged(metric, reasons, every=not judged)
    return Validation(
        against="holdout",
        model=model_name,
        outcome=overall(verdict.outcome for verdict in verdicts),
        curves=tuple(verdicts),
        unmeasured=dict(sorted(unmeasured.items())),
        sensor=sensor_of(row["energy_source"] for curve in curves for row in curve.held_out),
    )


def _pair_up(model: KernelCostModel, rows: Iterable[Row]) -> list[_Curve]:
    """Bring together the curves of the model and those of the points, by name."""
    of_curve: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_curve[row["curve"]].append(row)
    fitted = fitted_curves(model)
    reasons = model.file.unmeasured
    curves = []
    for name in sorted(fitted.keys() | of_curve.keys()):
        found = of_curve[name]
        own = fitted.get(name) or cut_through_surface(model, name)
        op = found[0]["op"] if own is None else own.op
        held_out = sorted(
            (r for r in found if r["role"] == Role.HOLDOUT), key=lambda r: r["tokens"]
        )
        why = reasons.get(name) or reasons.get(op) or "nothing says why"
        missing = f"the model lacks this curve: {why}"
        curves.append(_Curve(name, op, own, missing, tuple(found), tuple(held_out)))
    return curves


def _why_not_judged(curve: _Curve, metric: str) -> str | None:
    """Say why a quantity cannot be judged; latency always is, if only to say that it is unknown."""
    if metric == "latency":
        return None
    if curve.fitted is None:
        return curve.missing
    if curve.fitted.energy_reason is not None:
        return curve.fitted.energy_reason
    if any(row[COLUMNS[metric]] is not None for row in curve.held_out):
        return None
    given = [row["energy_reason"] for row in curve.held_out if row["energy_reason"]]
    if NO_ANCHOR in given:
        return "no held-out size was under a load: `moeprof validate --against nvml` holds them"
    return given[0] if given else f"no hold-out point has {COLUMNS[metric]}"


def _why_no_heat(curve: _Curve) -> str:
    return curve.missing if curve.fitted is None else curve.fitted.heat_reason


def _merged(metric: str, reasons: dict[str, str | None], *, every: bool) -> dict[str, str]:
    """Put reasons under the metric where every curve lacks it, else under each curve's name."""
    given = {name: reason for name, reason in reasons.items() if reason is not None}
    if every:
        return {metric: "; ".join(dict.fromkeys(given.values()))}
    return {f"{metric} of {name}": reason for name, reason in given.items()}


def _hold(curve: _Curve, metric: str) -> Held:
    """Put each hold-out point beside its prediction, and account for those that have none."""
    if curve.fitted is None:
        return Held(curve.name, curve.op, metric, (), None, (curve.missing,))
    points: list[HoldoutPoint] = []
    left_out: defaultdict[str, list[int]] = defaultdict(list)
    for row in curve.held_out:
        point = _compared(curve, curve.fitted, row, metric)
        if isinstance(point, str):
            left_out[point].append(row["tokens"])
        else:
            points.append(point)
    return Held(
        curve=curve.name,
        op=curve.op,
        metric=metric,
        points=tuple(points),
        floor=_floor(curve.rows, _REPEATS[metric]),
        left_out=tuple(
            f"left out {', '.join(map(str, sizes))}: {reason}" for reason, sizes in left_out.items()
        ),
    )


def _compared(curve: _Curve, fitted: Fitted, row: Row, metric: str) -> HoldoutPoint | str:
    """Put one point beside its prediction; or say why it is left out."""
    reason = _why_left_out(row, metric, fitted.domain)
    if reason is not None:
        return reason
    cost = fitted.cost(row["tokens"])
    predicted = getattr(cost, COLUMNS[metric])
    if predicted is None:
        return cost.energy_reason or f"the model gives no {COLUMNS[metric]}"
    measured = _positive(curve, row, metric)
    inside = insides(fitted, cost, metric, measured)
    return HoldoutPoint(row["tokens"], measured, predicted, inside[95], inside[80], inside[50])


def _why_left_out(row: Row, metric: str, domain: Domain) -> str | None:
    if row["failure"] is not None:
        return str(row["failure"])
    if not domain.first_tokens <= row["tokens"] <= domain.last_tokens:
        return f"outside the model's domain of {domain.first_tokens} to {domain.last_tokens}"
    if row[COLUMNS[metric]] is None:
        reason = None if metric == "latency" else row["energy_reason"]
        return reason or f"it has no {COLUMNS[metric]}"
    return None


def _positive(curve: _Curve, row: Row, metric: str) -> float:
    value = float(row[COLUMNS[metric]])
    if not 0 < value < inf:
        raise BadInput(
            f"{COLUMNS[metric]} of {curve.name} at batch size {row['tokens']} is {value}, "
            "and it must be positive and finite",
            hint="make the tables anew with `moeprof parse RUN`",
        )
    return value


def _floor(rows: Iterable[Row], column: str) -> float | None:
    """Median relative difference between two visits of one point, whatever its role."""
    known = [expm1(row[column]) for row in rows if row[column] is not None]
    return median(known) if known else None
