"""Verdict on the predictions of one quantity of one curve, with the numbers behind it."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from ..stats.median import median_interval
from ..store.verdicts.parts import BandVerdict, Cause, ErrorLimits, Finding, Outcome
from ..store.verdicts.verdict import MIN_HELD_OUT, CurveVerdict
from .bands import judge_bands
from .held import Held
from .interval_quality import judge_intervals, share_inside
from .limits import limits_from
from .outcomes import overall
from .size_errors import SizeError, check_median, check_p95, check_quiet, pct, size_errors

UNKNOWN_FLOOR: Final = "the repeatability floor is unknown"


def judge(held: Held, limit: float) -> CurveVerdict:
    """Compare the errors (size_errors.py) of a curve with their limits.

    `limit` is that on the median over all sizes. The curve passes where the median, the 95th
    percentile and the worst size are within their limits, over all sizes and in each band.
    """
    deviations = np.array([point.predicted / point.measured - 1 for point in held.points])
    sizes = size_errors(held.points, held.floor)
    errors = np.array([size.error for size in sizes])
    interval = median_interval(errors.tolist())
    limits = limits_from(limit)
    bands = judge_bands(sizes, held, limits)
    findings = _judge_all(sizes, limits, held.floor)
    parts = [*(found.outcome for found in findings), *(band.outcome for band in bands)]
    known = len(errors) > 0
    return CurveVerdict(
        curve=held.curve,
        op=held.op,
        metric=held.metric,
        n=len(errors),
        median=float(np.median(errors)) if known else None,
        p95=float(np.quantile(errors, 0.95)) if known else None,
        max=float(errors.max()) if known else None,
        bias=float(np.median(deviations)) if known else None,
        median_lo=None if interval is None else interval[0],
        median_hi=None if interval is None else interval[1],
        floor=held.floor,
        coverage_95=share_inside(point.inside_95 for point in held.points),
        limit=limit,
        outcome=overall([Outcome.PASS, *parts]),
        reason=_reason(findings, bands, interval, held, limit),
        points=held.points,
        mape=float(np.abs(deviations).mean()) if known else None,
        coverage_80=share_inside(point.inside_80 for point in held.points),
        coverage_50=share_inside(point.inside_50 for point in held.points),
        limits=limits,
        bands=bands,
        findings=findings,
        left_out=held.left_out,
        intervals=judge_intervals(held.points),
    )


def _judge_all(
    sizes: list[SizeError], limits: ErrorLimits, floor: float | None
) -> tuple[Finding, ...]:
    """Findings on the median error, on the 95th percentile, and on a machine that was not quiet."""
    if len(sizes) < MIN_HELD_OUT:
        compared = "1 size" if len(sizes) == 1 else f"{len(sizes)} sizes"
        reason = f"{compared} compared, and a verdict needs {MIN_HELD_OUT}"
        return (Finding(Cause.FEW, Outcome.AMBIGUOUS, reason),)
    found = check_median(sizes, limits.median, floor or 0.0, "all sizes")
    others = check_p95(sizes, limits.p95, "sizes"), check_quiet(sizes, "sizes")
    return tuple(filter(None, (found, *others)))


def _reason(
    findings: Iterable[Finding],
    bands: Iterable[BandVerdict],
    interval: tuple[float, float] | None,
    held: Held,
    limit: float,
) -> str:
    """Say how the outcome follows, and which points could not be compared."""
    against = [*findings, *(found for band in bands for found in band.findings)]
    reasons = [found.reason for found in against]
    if not reasons and interval is not None:
        reasons = [
            f"the median error is at most {pct(interval[1])}, within the limit of {pct(limit)}"
        ]
    if held.floor is None and held.points:
        reasons.append(UNKNOWN_FLOOR)
    return "; ".join([*reasons, *held.left_out])
