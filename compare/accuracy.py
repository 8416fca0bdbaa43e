"""Verdict on the predictions of one quantity of one curve, with the numbers behind it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..stats.median import median_interval
from ..store.percent import percent
from ..store.verdict import MIN_HELD_OUT, CurveVerdict, HoldoutPoint, Outcome

UNKNOWN_FLOOR: Final = "the repeatability floor is unknown"


@dataclass(frozen=True, slots=True)
class Held:
    """One quantity of one curve: held-out measurements beside their predictions.

    `floor` is the repeatability floor, None where unknown. `left_out` are sentences that name the
    points that could not be compared, with the reason.
    """

    curve: str
    op: str
    metric: str
    points: tuple[HoldoutPoint, ...]
    floor: float | None
    left_out: tuple[str, ...]


def judge(held: Held, limit: float) -> CurveVerdict:
    """Compare the median error |predicted / measured - 1| of a curve with its limit."""
    deviations = np.array([point.predicted / point.measured - 1 for point in held.points])
    errors = np.abs(deviations)
    interval = median_interval(errors.tolist())
    outcome, reason = _conclude(len(errors), interval, limit, held.floor)
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
        coverage_95=_share(point.inside_95 for point in held.points),
        limit=limit,
        outcome=outcome,
        reason="; ".join([reason, *held.left_out]),
        points=held.points,
        mape=float(errors.mean()) if known else None,
        coverage_80=_share(point.inside_80 for point in held.points),
        coverage_50=_share(point.inside_50 for point in held.points),
    )


def overall(outcomes: Iterable[Outcome]) -> Outcome:
    """FAIL if any outcome is FAIL, PASS if all are PASS; else, and if there is none, AMBIGUOUS."""
    found = set(outcomes)
    if Outcome.FAIL in found:
        return Outcome.FAIL
    return Outcome.PASS if found == {Outcome.PASS} else Outcome.AMBIGUOUS


def _share(inside: Iterable[bool | None]) -> float | None:
    """Share of points inside their interval, of those that have one; None where none has."""
    known = [each for each in inside if each is not None]
    return sum(known) / len(known) if known else None


def _conclude(
    n: int, interval: tuple[float, float] | None, limit: float, floor: float | None
) -> tuple[Outcome, str]:
    """Outcome from the 95 % interval of the median error, its limit and the floor; the reason.

    Below the repeatability floor an error cannot be told from noise, so a limit below the floor
    can fail but not pass. An unknown floor is named in the reason and changes no outcome: the noise
    of the points already widens the interval.
    """
    if interval is None:
        return Outcome.AMBIGUOUS, f"{n} points compared, and a verdict needs {MIN_HELD_OUT}"
    low, high = interval
    if floor is not None and limit < floor:
        under = f"the limit of {_pct(limit)} is under the repeatability floor of {_pct(floor)}"
        if low > floor:
            return Outcome.FAIL, f"the median error is at least {_pct(low)}; {under}"
        return Outcome.AMBIGUOUS, f"{under}: measure again on a quieter machine"
    unknown = "" if floor is not None else f"; {UNKNOWN_FLOOR}"
    if high <= limit:
        reason = f"the median error is at most {_pct(high)}, within the limit of {_pct(limit)}"
        return Outcome.PASS, reason + unknown
    if low > limit:
        reason = f"the median error is at least {_pct(low)}, beyond the limit of {_pct(limit)}"
        return Outcome.FAIL, reason + unknown
    span = f"{_pct(low)} to {_pct(high)}"
    reason = f"the median error is anywhere from {span}, and the limit of {_pct(limit)} is within"
    return Outcome.AMBIGUOUS, reason + unknown


def _pct(share: float) -> str:
    return f"{percent(share)} %"
