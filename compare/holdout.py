"""Compare a cost model with the hold-out points of its run, which its fit never saw."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from math import expm1, inf
from statistics import median
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from ..costmodel.model import KernelCostModel
from ..store.cost_model import Domain
from ..store.errors import BadInput
from ..store.verdicts.parts import HoldoutPoint, IntervalQuality
from ..store.verdicts.verdict import HOLD_OUT_MORE, CurveVerdict, Validation
from .accuracy import judge
from .coverage import COLUMNS, half_widths, inside_intervals
from .fitted import Fitted
from .held import Held
from .interval_quality import judge_intervals
from .outcomes import overall
from .paired_curve import DisturbedKeys, PairedCurve, Row, pair_curves
from .run_shift import compare_runs, values_of
from .sensor import sensor_of

# Largest median error that passes, by quantity.
LIMITS: Final = MappingProxyType({"latency": 0.03, "power": 0.03, "energy": 0.05})
# Columns of `points` with the |log| ratio between repeats of a quantity.
_REPEATS: Final = MappingProxyType(
    {
        "latency": "repeat_difference",
        "power": "power_repeat_difference",
        "energy": "energy_repeat_difference",
    }
)


def validate_holdout(
    model: KernelCostModel,
    model_name: str,
    points: pa.Table,
    *,
    limit: float | None = None,
    own: pa.Table | None = None,
    disturbed: DisturbedKeys = MappingProxyType({}),
) -> Validation:
    """Compare a model with the points of role "holdout" of a `points` table.

    The limits on the median error are 3 % of latency, 3 % of power and 5 % of energy, or `limit`
    for each of them; compare/limits.py has those that go with it. `model_name` is the name of the
    model in the verdict. A curve passes where the whole interval of each error is within its limit,
    fails where all of any is beyond, and is ambiguous otherwise. The model fails where any curve
    does, and passes where all do. `unmeasured` holds the reasons for power, energy and heat that
    the model or the points lack. Where `points` are those of another run, `own` are those of the
    model's: the verdict then says how the runs differ as a whole. A curve or a band most of whose
    sizes are among those `disturbed` is no better than ambiguous. Sizes of the model's own run were
    measured in the same turns as its knots: their intervals are judged without what they owe to
    those moments (`turns_95`).

    Raises BadInput where there is no hold-out point, where one holds a quantity that is not
    positive and finite, or where `limit` is not.
    """
    if limit is not None and not 0 < limit < inf:
        raise BadInput(f"the limit is {limit}, and it must be positive and finite: 0.03 is 3 %")
    curves = pair_curves(model if own is not None else _within_run(model), points.to_pylist())
    if not any(curve.held_out for curve in curves):
        raise BadInput("there is no hold-out point to validate against", hint=HOLD_OUT_MORE)
    verdicts: list[CurveVerdict] = []
    shift = None
    unmeasured = _merged("heat", {curve.name: curve.why_no_heat for curve in curves}, every=True)
    for metric, usual_limit in LIMITS.items():
        reasons = {curve.name: curve.why_not_judged(metric) for curve in curves}
        keys = disturbed.get(metric, ())
        held = [_held(curve, metric, keys) for curve in curves if reasons[curve.name] is None]
        if own is not None:
            found = compare_runs(
                held, values_of(own.to_pylist(), COLUMNS[metric]), limit or usual_limit
            )
            held = [_with_floor(one, found.floor) for one in held]
            shift = found if metric == "latency" else shift
        verdicts += [judge(one, limit or usual_limit) for one in held]
        unmeasured |= _merged(metric, reasons, every=not held)
    return Validation(
        against="holdout",
        model=model_name,
        outcome=overall(verdict.outcome for verdict in verdicts),
        curves=tuple(verdicts),
        unmeasured=dict(sorted(unmeasured.items())),
        sensor=sensor_of(row["energy_source"] for curve in curves for row in curve.held_out),
        intervals=_intervals(verdicts),
        shift=shift,
    )


def _within_run(model: KernelCostModel) -> KernelCostModel:
    """The model with the intervals of values that were measured in the same turns as its knots."""
    intervals = replace(model.file.intervals, turns_95=None)
    return KernelCostModel.from_file(replace(model.file, intervals=intervals))


def _intervals(verdicts: Iterable[CurveVerdict]) -> dict[str, IntervalQuality]:
    """Judge the intervals of all curves together, by metric.

    What is wrong with them all shows in the curves too that have no remark of their own, if any
    are left: else those with one are to be named.
    """
    points: defaultdict[str, list[HoldoutPoint]] = defaultdict(list)
    others: defaultdict[str, list[HoldoutPoint]] = defaultdict(list)
    for verdict in verdicts:
        points[verdict.metric] += verdict.points
        if verdict.intervals is not None and verdict.intervals.remark is None:
            others[verdict.metric] += verdict.points
    judged = {metric: judge_intervals(own) for metric, own in points.items()}
    for metric, quality in judged.items():
        rest = judge_intervals(others[metric])
        if quality is not None and rest is not None and rest.remark is None:
            judged[metric] = replace(quality, remark=None)
    return {metric: quality for metric, quality in judged.items() if quality is not None}


def _with_floor(held: Held, between: float | None) -> Held:
    """Raise the floor to the difference between two runs, where that is larger."""
    known = [floor for floor in (held.floor, between) if floor is not None]
    return replace(held, floor=max(known, default=None))


def _merged(metric: str, reasons: dict[str, str | None], *, every: bool) -> dict[str, str]:
    """Reasons by metric where every curve lacks it, else by metric and curve."""
    given = {name: reason for name, reason in reasons.items() if reason is not None}
    if every:
        return {metric: "; ".join(dict.fromkeys(given.values()))}
    return {f"{metric} of {name}": reason for name, reason in given.items()}


def _held(curve: PairedCurve, metric: str, disturbed: Collection[str]) -> Held:
    """Each hold-out point beside its prediction, and the reasons for those without.

    `disturbed` are keys of scenarios.
    """
    if curve.fitted is None:
        return Held(curve.name, curve.op, metric, (), None, (curve.missing,))
    points: list[HoldoutPoint] = []
    left_out: defaultdict[str, list[int]] = defaultdict(list)
    for row in curve.held_out:
        point = _compared(curve, curve.fitted, row, metric)
        if isinstance(point, str):
            left_out[point].append(row["tokens"])
        else:
            points.append(replace(point, disturbed=row["scenario_key"] in disturbed))
    return Held(
        curve=curve.name,
        op=curve.op,
        metric=metric,
        points=tuple(points),
        floor=_floor(curve.rows, _REPEATS[metric]),
        left_out=tuple(
            f"left out {', '.join(map(str, sizes))}: {reason}" for reason, sizes in left_out.items()
        ),
        domain=curve.fitted.domain_of(metric),
    )


def _compared(curve: PairedCurve, fitted: Fitted, row: Row, metric: str) -> HoldoutPoint | str:
    """One point beside its prediction, or the reason why it is left out."""
    reason = _why_left_out(row, metric, fitted.domain)
    if reason is not None:
        return reason
    cost = fitted.cost(row["tokens"])
    predicted = getattr(cost, COLUMNS[metric])
    if predicted is None:
        return cost.energy_reason or f"the model gives no {COLUMNS[metric]}"
    measured = _positive(curve, row, metric)
    inside = inside_intervals(fitted, cost, metric, measured)
    repeat = row[_REPEATS[metric]]
    return HoldoutPoint(
        tokens=row["tokens"],
        measured=measured,
        predicted=predicted,
        inside_95=inside[95],
        inside_80=inside[80],
        inside_50=inside[50],
        half_95=half_widths(fitted, cost, metric)[95],
        repeat=None if repeat is None else expm1(repeat),
    )


def _why_left_out(row: Row, metric: str, domain: Domain) -> str | None:
    if row["failure"] is not None:
        return str(row["failure"])
    if not domain.first_tokens <= row["tokens"] <= domain.last_tokens:
        return f"outside the model's domain of {domain.first_tokens} to {domain.last_tokens}"
    if row[COLUMNS[metric]] is None:
        reason = None if metric == "latency" else row["energy_reason"]
        return reason or f"it has no {COLUMNS[metric]}"
    return None


def _positive(curve: PairedCurve, row: Row, metric: str) -> float:
    value = float(row[COLUMNS[metric]])
    if not 0 < value < inf:
        raise BadInput(
            f"{COLUMNS[metric]} of {curve.name} at batch size {row['tokens']} is {value}, "
            "and it must be positive and finite",
            hint="make the tables anew with `moeprof parse RUN`",
        )
    return value


def _floor(rows: Iterable[Row], column: str) -> float | None:
    """Median relative difference between two repeats of a point, over points of every role."""
    known = [expm1(row[column]) for row in rows if row[column] is not None]
    return median(known) if known else None
