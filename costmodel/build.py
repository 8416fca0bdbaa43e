"""Build a cost model from the table of points."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Final

import pyarrow as pa

from ..device.peaks import cpu_ceiling, data_sheet
from ..store.cost_model import (
    CostModelFile,
    CurveModel,
    Domain,
    Fit,
    FitError,
    IntervalScores,
    Origin,
    Peaks,
)
from ..store.errors import BadInput
from ..store.plan import Role
from ..store.provenance import Provenance
from ..store.scenario import OpKey
from .checksum import with_checksum
from .consistency import check_file
from .curve.energy import energy_fields
from .curve.extrapolation import drift_scores, with_drift
from .curve.fit import choose_fit, fit_error, fit_losses
from .curve.intervals import ErrorScale
from .curve.scores import Scored, score_curves
from .curve.turn_levels import turns_half_width_95
from .curve_points import CurvePoints, measured_curves, without_rows
from .gate import refuse_impossible
from .roofline import observed_peaks, roofline
from .rows import Row, all_rounded, half_widths_95, identity, is_unconfirmed, one_value, rounded
from .surface.fit import fit_surface
from .thermal.description import NO_STEP
from .work.expert_work import NOT_ROUTED, Routed

NOTHING_PLANNED: Final[Mapping[str, str]] = {}
IMPORTED_NO_STEP: Final = "imported tables hold no step in power"


def build_model(
    points: pa.Table,
    *,
    preset: str,
    provenance: Provenance,
    points_sha256: str,
    origin: Origin | None = None,
    routed: Mapping[str, Routed] = NOT_ROUTED,
    planned: Mapping[str, str] = NOTHING_PLANNED,
) -> CostModelFile:
    """Fit one curve to each operation and shape of a `points` table.

    Rows with role "fit" or "calibration" and no failure become knots; the scores of the intervals
    are those of a fit to the first alone, at the second. A curve with fewer than two rows of role
    "fit" goes to `unmeasured` with the reason, under the name of its operation, or under its own
    where the operation has several curves. Points over several numbers of active experts become one
    surface. `points_sha256` is the digest of the table's file; `origin` names the publisher of
    imported measurements, None for our own. `routed` says of curves, by name, how their tokens went
    to experts. `planned` maps the curves that a run planned to their operations: one without a row
    of role "fit" goes to `unmeasured` too.

    Raises BadInput where there is no row to fit, where two regimes are mixed, where a row is faster
    than its roofline, and, naming the curve, where a latency or energy is not positive and finite,
    where a batch size has two different latencies, or where one curve mixes cache states, shapes or
    sources.
    """
    found, missing = measured_curves(_fitted_rows(points), routed)
    known = {*(curve.name for curve in found), *(name for _, name in missing)}
    missing |= without_rows(planned, known)
    used = [row for curve in found for row in (*curve.knots, *curve.calibration)]
    _check_one_regime(used)
    peaks = _checked_peaks(used, provenance)
    curves, intervals = _fit_curves([one for one in found if not one.is_surface], peaks)
    turns_95 = turns_half_width_95(apart for one in found for apart in one.whole.turns_apart)
    intervals = replace(intervals, turns_95=None if turns_95 is None else rounded(turns_95))
    file = CostModelFile(
        preset=preset,
        points_sha256=points_sha256,
        provenance=provenance,
        curves=curves,
        intervals=intervals,
        unmeasured=_by_op(missing, found),
        source="measured" if origin is None else "imported",
        origin=origin,
        peaks=peaks,
        thermal_reason=NO_STEP if origin is None else IMPORTED_NO_STEP,
        surfaces=tuple(
            fit_surface(one.name, one.knots, one.calibration) for one in found if one.is_surface
        ),
    )
    check_file(file)
    return with_checksum(file)


def _fitted_rows(points: pa.Table) -> list[Row]:
    """The rows of a role other than "holdout"."""
    rows: list[Row] = points.to_pylist()
    for row in rows:
        if row["role"] not in tuple(Role):
            raise BadInput(
                f"{row['curve']} at batch size {row['tokens']} has the role {row['role']!r}",
                hint=f"a point has one of {', '.join(Role)}",
            )
    if not any(row["role"] == Role.FIT for row in rows):
        raise BadInput(
            "the points hold no row with role 'fit'",
            hint="measure some with `moeprof profile`, and make the tables with `moeprof parse`",
        )
    return [row for row in rows if row["role"] != Role.HOLDOUT]


def _check_one_regime(rows: Sequence[Row]) -> None:
    regimes = {row["regime"]: row["curve"] for row in rows}
    if len(regimes) > 1:
        (first, one), (second, other), *_ = sorted(regimes.items(), key=str)
        raise BadInput(
            f"a model of {one} and {other} mixes two values of regime: {first} and {second}",
            hint="one model holds one regime: build one from each",
        )


def _checked_peaks(rows: Sequence[Row], provenance: Provenance) -> Peaks:
    """Peaks of the data sheet, or else the highest rates observed.

    Raises BadInput for a row that is faster than the peaks of the data sheet, or of the CPU, allow.
    """
    sheet = data_sheet(provenance.device_name)
    ceiling = cpu_ceiling(provenance.threads, provenance.cache_bytes)
    refuse_impossible(rows, sheet or (ceiling if provenance.device == "cpu" else None))
    return sheet or _rounded_peaks(observed_peaks(rows, provenance.cache_bytes))


def _rounded_peaks(peaks: Peaks) -> Peaks:
    bandwidth = None if peaks.bytes_per_s is None else rounded(peaks.bytes_per_s)
    return replace(peaks, flops_per_s=all_rounded(peaks.flops_per_s), bytes_per_s=bandwidth)


def _fit_curves(
    points: Sequence[CurvePoints], peaks: Peaks
) -> tuple[tuple[CurveModel, ...], IntervalScores]:
    """A curve for each of `points`, and the scores of all of them.

    The scores are taken before the calibration points become knots: the errors at points that a fit
    was given say nothing of its errors elsewhere.
    """
    scales, scores = score_curves(_fitted(points))
    whole = [one.whole for one in points]
    fitted = _fitted(whole)
    curves = tuple(_curve(*one) for one in zip(whole, fitted, scales, strict=True))
    return curves, _intervals(curves, fitted, scores, peaks)


def _fitted(curves: Sequence[CurvePoints]) -> list[Scored]:
    """Each curve with the fit that is chosen for it."""
    return [one.scored(fit) for one, fit in zip(curves, _choose_fits(curves), strict=True)]


def _choose_fits(curves: Sequence[CurvePoints]) -> list[Fit]:
    """The fit of each curve, from its own leave-one-out losses and the mean of its family's."""
    losses = [fit_losses(c.tokens, c.latency_us, c.segments) for c in curves]
    families: defaultdict[str, list[dict[Fit, float]]] = defaultdict(list)
    for curve, own in zip(curves, losses, strict=True):
        families[curve.family].append(own)
    means = {
        name: {fit: sum(one[fit] for one in all_) / len(all_) for fit in all_[0]}
        for name, all_ in families.items()
    }
    return [
        choose_fit(own, [means[curve.family]]) for curve, own in zip(curves, losses, strict=True)
    ]


def _curve(curve: CurvePoints, scored: Scored, scale: ErrorScale) -> CurveModel:
    gaps = [row["gap_us"] for row in curve.knots]
    segments = scored.segments
    error: FitError = fit_error(scored.fit, scored.tokens, scored.values, segments)
    return CurveModel(
        curve=curve.name,
        **identity(curve.name, curve.knots, OpKey),
        domain=Domain(first_tokens=int(scored.tokens[0]), last_tokens=int(scored.tokens[-1])),
        knots_tokens=tuple(scored.tokens.tolist()),
        latency_us=tuple(scored.values.tolist()),
        latency_source=one_value(curve.name, curve.knots, "latency_source"),
        fit=scored.fit,
        error=FitError(**all_rounded(asdict(error))),
        **energy_fields(curve.name, curve.knots),
        noise=rounded(scale.noise),
        jump_share=rounded(scale.jump_share),
        segments=None if segments is None else tuple(segments.tolist()),
        work=curve.work,
        expert_work=curve.expert_work,
        gap_us=None if None in gaps else tuple(rounded(gap) for gap in gaps),
        latency_half_95=half_widths_95(curve.name, curve.knots),
        left_out=tuple(map(rounded, scored.left_out.tolist())),
        doubtful_tokens=tuple(row["tokens"] for row in curve.knots if row["marks"]),
        unconfirmed_tokens=tuple(row["tokens"] for row in curve.knots if is_unconfirmed(row)),
    )


def _intervals(
    curves: Iterable[CurveModel], scored: Sequence[Scored], scores: IntervalScores, peaks: Peaks
) -> IntervalScores:
    bounds = [roofline(curve.work or curve.expert_work, peaks, curve.dtype) for curve in curves]
    drifts = [drift_scores(one, bound) for one, bound in zip(scored, bounds, strict=True)]
    scores = with_drift(scores, drifts)
    quantiles = all_rounded(scores.quantiles)
    return IntervalScores(**all_rounded(asdict(scores) | {"quantiles": quantiles}))


def _by_op(missing: dict[tuple[str, str], str], found: Iterable[CurvePoints]) -> dict[str, str]:
    """Reasons by operation where it has one curve alone, else by curve.

    `missing` maps (operation, curve) to the reason; `found` are the measured curves.
    """
    of_op: defaultdict[str, set[str]] = defaultdict(set)
    for op, curve in (*missing, *((curve.op, curve.name) for curve in found)):
        of_op[op].add(curve)
    return {op if len(of_op[op]) == 1 else curve: reason for (op, curve), reason in missing.items()}
