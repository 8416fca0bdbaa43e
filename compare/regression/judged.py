"""Verdicts on changes, of which all of one command together raise few false alarms.

The operations over all sizes are one family of comparisons and the single sizes another, and each
has half of `alpha` (Holm within each). So the chance that any is called a regression though none
changed is at most `alpha`, and likewise that any is called an improvement.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import exp, inf, log1p
from typing import Final

import numpy as np

from ...stats.arrays import Float64
from ...stats.many.holm import holm
from ...stats.student import half_width
from ...store.errors import BadInput, check_type
from ...store.percent import percent
from ...store.verdicts.comparison import Change, Compared

FAMILIES = 2  # operations, and single sizes
_TOLERANCE = 2.0  # a change that is surely below so many least effects counts as none


@dataclass(frozen=True, slots=True)
class Rules:
    """The least relative change that matters, and the chance of any false alarm of a command.

    Raises BadInput for what is no such share.
    """

    min_effect: float = 0.01
    alpha: float = 0.05

    def __post_init__(self) -> None:
        for name, most in (("min_effect", inf), ("alpha", 0.5)):
            value = getattr(self, name)
            check_type(name, value, float, int)
            if not 0 < value < most:
                raise BadInput(f"{name} is {value}, and it must be a share above 0: 0.01 is 1 %")


USUAL_RULES: Final = Rules()


@dataclass(frozen=True, slots=True)
class NotJudged:
    """A comparison before its verdict: the log ratio, its standard error, degrees of freedom.

    `sd` is None where nothing shows it, for a `reason`. `p_apart` is a further p-value that must be
    small too, adjusted already. `row` holds what is told of it, whose numbers are filled in.
    """

    row: Compared
    change: float
    sd: float | None
    freedom: float
    p_apart: float = 0.0
    reason: str | None = None


def judge_all(
    tested: Sequence[NotJudged], rules: Rules, families: int = FAMILIES
) -> list[Compared]:
    """Judge the comparisons of one family, which has alpha / `families` of the error."""
    known = [one for one in tested if one.sd is not None]
    more = _adjusted([_p_beyond(one, rules, sign=1) for one in known], families)
    less = _adjusted([_p_beyond(one, rules, sign=-1) for one in known], families)
    judged = iter(
        _judged(one, max(p_more, one.p_apart), max(p_less, one.p_apart), rules)
        for one, p_more, p_less in zip(known, more, less, strict=True)
    )
    return [_open(one) if one.sd is None else next(judged) for one in tested]


def overall(rows: Iterable[Compared]) -> Change:
    """The verdict on the whole: a regression if any is, else inconclusive if any is.

    Of the rest, improved if any is. Inconclusive where there is none.
    """
    found = {row.verdict for row in rows}
    for change in (Change.REGRESSION, Change.INCONCLUSIVE, Change.IMPROVED):
        if change in found:
            return change
    return Change.UNCHANGED if found else Change.INCONCLUSIVE


def _adjusted(p: Sequence[float], families: int) -> Float64:
    return np.minimum(families * holm(np.array(p, dtype=np.float64)), 1.0)


def _p_beyond(one: NotJudged, rules: Rules, *, sign: int) -> float:
    """P-value that the change in the direction of `sign` is at most the least effect."""
    from scipy.special import stdtr  # here: `moeprof --help` loads no scipy

    assert one.sd is not None
    away = sign * one.change - log1p(rules.min_effect)
    return float(stdtr(one.freedom, -away / max(one.sd, 1e-12)))


def _judged(one: NotJudged, p_more: float, p_less: float, rules: Rules) -> Compared:
    assert one.sd is not None
    half = half_width(one.sd, int(one.freedom))
    row = replace(
        one.row,
        change=exp(one.change),
        lo=exp(one.change - half),
        hi=exp(one.change + half),
        p_more=float(p_more),
        p_less=float(p_less),
    )
    verdict = _verdict(one, p_more, p_less, rules)
    reason = _why_open(row, rules) if verdict is Change.INCONCLUSIVE else None
    return replace(row, verdict=verdict, reason=reason)


def _verdict(one: NotJudged, p_more: float, p_less: float, rules: Rules) -> Change:
    assert one.sd is not None
    if p_more < rules.alpha:
        return Change.REGRESSION
    if p_less < rules.alpha:
        return Change.IMPROVED
    bound = abs(one.change) + half_width(one.sd, int(one.freedom), 1 - 2 * rules.alpha)
    within = bound < log1p(_TOLERANCE * rules.min_effect)
    return Change.UNCHANGED if within else Change.INCONCLUSIVE


def _why_open(row: Compared, rules: Rules) -> str:
    assert row.lo is not None
    assert row.hi is not None
    low, high = (percent(bound - 1, decimals=1, sign="+") for bound in (row.lo, row.hi))
    if row.lo > 1 + rules.min_effect or row.hi < 1 - rules.min_effect:
        return f"{low} to {high} %, and not sure enough among so many comparisons"
    return f"anywhere from {low} to {high} %"


def _open(one: NotJudged) -> Compared:
    return replace(one.row, change=exp(one.change), verdict=Change.INCONCLUSIVE, reason=one.reason)
