"""A cost model held against points of its own run that its fit never saw."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import expm1, inf
from statistics import median
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa

from ..costmodel.model import Cost, KernelCostModel
from ..store.cost_model import CurveModel, Domain
from ..store.errors import BadInput
from ..store.verdict import HoldoutPoint, Validation
from .accuracy import Held, judge, overall

Row = dict[str, Any]

# Median error that a curve may have, by quantity.
LIMITS: Final = MappingProxyType({"latency": 0.03, "power": 0.03, "energy": 0.05})
# Columns of `points`, which bear the same names as the fields of Cost.
_COLUMNS: Final = MappingProxyType(
    {"latency": "latency_us", "power": "power_w", "energy": "energy_mj"}
)


@dataclass(frozen=True, slots=True)
class _Curve:
    """The points of one curve beside its fit; `missing` says why it has none."""

    name: str
    op: str
    fitted: CurveModel | None
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
            hint="profile at least 8 batch sizes: some of them are then held out",
        )
    verdicts = []
    unmeasured = _merged("heat", {curve.name: _why_no_heat(curve) for curve in curves}, every=True)
    for metric, usual_limit in LIMITS.items():
        reasons = {curve.name: _why_not_judged(curve, metric) for curve in curves}
        judged = [curve for curve in curves if reasons[curve.name] is None]
        verdicts += [judge(_hold(model, c, metric), limit or usual_limit) for c in judged]
        unmeasured |= _merged(metric, reasons, every=not judged)
    return Validation(
        against="holdout",
        model=model_name,
        outcome=overall(verdict.outcome for verdict in verdicts),
        curves=tuple(verdicts),
        unmeasured=dict(sorted(unmeasured.items())),
    )


def _pair_up(model: KernelCostModel, rows: Iterable[Row]) -> list[_Curve]:
    """Bring together the curves of the model and those of the points, by name."""
    of_curve: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_curve[row["curve"]].append(row)
    fitted = {curve.curve: curve for curve in model.curves}
    reasons = model.file.unmeasured
    curves = []
    for name in sorted(fitted.keys() | of_curve.keys()):
        found = of_curve[name]
        op = fitted[name].op if name in fitted else found[0]["op"]
        held_out = sorted((r for r in found if r["role"] == "holdout"), key=lambda r: r["tokens"])
        why = reasons.get(name) or reasons.get(op) or "nothing says why"
        missing = f"the model lacks this curve: {why}"
        curves.append(_Curve(name, op, fitted.get(name), missing, tuple(found), tuple(held_out)))
    return curves


def _why_not_judged(curve: _Curve, metric: str) -> str | None:
    """Say why a quantity cannot be judged; latency always is, if only to say that it is unknown."""
    if metric == "latency":
        return None
    if curve.fitted is None:
        return curve.missing
    if curve.fitted.energy_mj is None:
        return curve.fitted.energy_reason or "the model has no energy"
    if any(row[_COLUMNS[metric]] is not None for row in curve.held_out):
        return None
    given = [row["energy_reason"] for row in curve.held_out if row["energy_reason"]]
    return given[0] if given else f"no hold-out point has {_COLUMNS[metric]}"


def _why_no_heat(curve: _Curve) -> str:
    if curve.fitted is None:
        return curve.missing
    return curve.fitted.temp_rise_reason or "a temperature rise is not judged: it has no limit"


def _merged(metric: str, reasons: dict[str, str | None], *, every: bool) -> dict[str, str]:
    """Put reasons under the metric where every curve lacks it, else under each curve's name."""
    given = {name: reason for name, reason in reasons.items() if reason is not None}
    if every:
        return {metric: "; ".join(dict.fromkeys(given.values()))}
    return {f"{metric} of {name}": reason for name, reason in given.items()}


def _hold(model: KernelCostModel, curve: _Curve, metric: str) -> Held:
    """Put each hold-out point beside its prediction, and account for those that have none."""
    if curve.fitted is None:
        return Held(curve.name, curve.op, metric, (), None, (curve.missing,))
    points: list[HoldoutPoint] = []
    costs: list[Cost] = []
    left_out: defaultdict[str, list[int]] = defaultdict(list)
    for row in curve.held_out:
        reason = _why_left_out(row, metric, curve.fitted.domain)
        if reason is None:
            costs.append(model.get_cost(curve.name, row["tokens"]))
            points.append(_compared(costs[-1], metric, _positive(curve, row, metric)))
        else:
            left_out[reason].append(row["tokens"])
    return Held(
        curve=curve.name,
        op=curve.op,
        metric=metric,
        points=tuple(points),
        floor=_floor(curve.rows) if metric == "latency" else None,
        left_out=tuple(
            f"left out {', '.join(map(str, sizes))}: {reason}" for reason, sizes in left_out.items()
        ),
    )


def _why_left_out(row: Row, metric: str, domain: Domain) -> str | None:
    if row["failure"] is not None:
        return str(row["failure"])
    if not domain.first_tokens <= row["tokens"] <= domain.last_tokens:
        return f"outside the model's domain of {domain.first_tokens} to {domain.last_tokens}"
    if row[_COLUMNS[metric]] is None:
        reason = None if metric == "latency" else row["energy_reason"]
        return reason or f"it has no {_COLUMNS[metric]}"
    return None


def _positive(curve: _Curve, row: Row, metric: str) -> float:
    value = float(row[_COLUMNS[metric]])
    if not 0 < value < inf:
        raise BadInput(
            f"{_COLUMNS[metric]} of {curve.name} at batch size {row['tokens']} is {value}, "
            "and it must be positive and finite",
            hint="make the tables anew with `moeprof parse RUN`",
        )
    return value


def _compared(cost: Cost, metric: str, measured: float) -> HoldoutPoint:
    in_us = metric == "latency"
    low, high = (cost.latency_us_lo, cost.latency_us_hi) if in_us else (None, None)
    return HoldoutPoint(
        tokens=cost.tokens,
        measured=measured,
        predicted=getattr(cost, _COLUMNS[metric]),
        inside_95=None if low is None or high is None else low <= measured <= high,
    )


def _floor(rows: Iterable[Row]) -> float | None:
    """Median relative difference between two visits of one point, whatever its role."""
    differences = [row["repeat_difference"] for row in rows]
    known = [expm1(difference) for difference in differences if difference is not None]
    return median(known) if known else None
