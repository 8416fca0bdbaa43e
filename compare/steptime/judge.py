"""The verdict on predictions of one quantity, by the intervals of its scores.

An error passes where its whole interval is within the limit, and fails where all of it is beyond.
Else, and of fewer than 6 configurations, the rows cannot tell. Coverage passes by its value.
"""

from math import ceil
from typing import Final

import numpy as np

from ...store.percent import percent
from ...store.text.counted import counted
from ...store.verdicts.parts import Cause, Finding, Outcome
from ...store.verdicts.step_validation import Estimate, GroupScore, QuantityVerdict, StepLimits
from ..outcomes import overall
from .clusters import FEWEST_CLUSTERS
from .predicted import Predicted
from .scores import clusters_of, errors_of, scores_of

_MOST_CONFIGURATIONS: Final = 2000  # a verdict that needs more is not worth them


def judge(predicted: Predicted, limits: StepLimits) -> QuantityVerdict:
    """Score predictions, at least one, and judge the scores of all rows."""
    scores = scores_of(predicted)
    whole = scores[0]
    if whole.configurations < FEWEST_CLUSTERS:
        findings = [_too_few(whole)]
    else:
        judged = (
            _most("the median error", whole.median, limits.median, whole),
            _most("the 90th percentile of the error", whole.p90, limits.p90, whole),
            _covered(whole, limits.coverage),
            *(_beaten(predicted, name) for name in predicted.baselines),
        )
        findings = [found for found in judged if found is not None]
    outcome = overall(found.outcome for found in findings) if findings else Outcome.PASS
    return QuantityVerdict(
        predicted.quantity, predicted.unit, limits, outcome, tuple(findings), scores
    )


def _too_few(whole: GroupScore) -> Finding:
    reason = (
        f"{counted(whole.rows, 'row')} of {counted(whole.configurations, 'configuration')}, and a"
        f" verdict needs {FEWEST_CLUSTERS}: rows of one configuration share an error"
    )
    return Finding(Cause.FEW, Outcome.AMBIGUOUS, reason)


def _most(what: str, found: Estimate, limit: float, whole: GroupScore) -> Finding | None:
    """Compare a score with the most that it may be; None where it is surely within."""
    low, high = _ends(found)
    if high <= limit:
        return None
    if low > limit:
        reason = f"{what} is at least {_pct(low)}, beyond the limit of {_pct(limit)}"
        return Finding(Cause.ERROR, Outcome.FAIL, reason)
    return _undecided(what, found, limit, whole)


def _covered(whole: GroupScore, least: float) -> Finding | None:
    """Compare the coverage with the least that it may be; None where it is at least that.

    The limit is so near to 90 % that its whole interval lies above it from some 200 configurations
    on alone: less is asked of it than of errors. None without intervals of the model, too.
    """
    if whole.coverage is None or whole.coverage.value >= least:
        return None
    _, high = _ends(whole.coverage)
    what = "the share of rows within their intervals of 90 %"
    if high < least:
        reason = f"{what} is at most {_pct(high)}, below the limit of {_pct(least)}"
        return Finding(Cause.ERROR, Outcome.FAIL, reason)
    return _undecided(what, whole.coverage, least, whole)


def _beaten(predicted: Predicted, name: str) -> Finding | None:
    """Compare the median error with that of a simpler prediction, on the same draws of rows."""
    clusters = clusters_of(predicted, np.ones(len(predicted.rows), dtype=bool))
    pair = (predicted.predicted, predicted.baselines[name])
    errors = [errors_of(values, predicted.measured) for values in pair]
    drawn = [clusters.quantile(off, 0.5) for off in errors]
    interval = clusters.interval(drawn[0] - drawn[1])
    if interval is None or interval[1] < 0:
        return None
    own, other = (_pct(float(np.median(off))) for off in errors)
    if interval[0] >= 0:
        reason = f"the {name} errs no more: {other} in the median, beside {own}"
        return Finding(Cause.ERROR, Outcome.FAIL, reason)
    reason = f"the {name} may err no more: {other} in the median, beside {own}"
    return Finding(Cause.STRADDLE, Outcome.AMBIGUOUS, reason)


def _undecided(what: str, found: Estimate, limit: float, whole: GroupScore) -> Finding:
    low, high = _ends(found)
    reason = f"{what} is anywhere from {_pct(low)} to {_pct(high)}, and the limit is {_pct(limit)}"
    needed = _configurations_to_tell(found, limit, whole.configurations)
    would = "" if needed is None else f": some {needed} configurations like these would tell"
    return Finding(Cause.STRADDLE, Outcome.AMBIGUOUS, reason + would)


def _configurations_to_tell(found: Estimate, limit: float, configurations: int) -> int | None:
    """How many would tell a score from its limit, as an interval narrows with their root."""
    low, high = _ends(found)
    reach = high - found.value if found.value < limit else found.value - low
    distance = abs(limit - found.value)
    if not distance or reach**2 * configurations > _MOST_CONFIGURATIONS * distance**2:
        return None
    return ceil(configurations * (reach / distance) ** 2)


def _ends(found: Estimate) -> tuple[float, float]:
    """The interval of a score that has one."""
    if found.low is None or found.high is None:
        raise ValueError("a score of so few configurations has no interval")
    return found.low, found.high


def _pct(share: float) -> str:
    return f"{percent(share, 1)} %"
