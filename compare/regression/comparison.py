"""Two sides to one comparison: changes beside what the curves share, each with its verdict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import exp, expm1, log1p
from typing import Final

from ...stats.student import half_width
from ...store.verdicts.comparison import Change, CommonShift, Compared, Comparison, Kind
from .between_runs import FEWEST_CURVES, Estimate, Shared, at_each_size, over_all_sizes, shared_by
from .clocks import by_clocks, shift_by_clocks
from .conditions import differing
from .judged import FAMILIES, NotJudged, Rules, judge_all, overall
from .paired import Pairs, Twins, pairs_of
from .ranks import rank_agreements
from .side import Side

_TOO_FEW: Final = (
    f"fewer than {FEWEST_CURVES} operations are in both measurements: a change of one cannot be"
    " told from the machine's"
)

_MOSTLY_UNCONFIRMED: Final = (
    "most sizes are unconfirmed: no repeat shows how far two processes lie apart"
)


def compare_sides(
    kind: Kind,
    old: Side,
    new: Side,
    rules: Rules,
    mapping: Mapping[str, str],
    *,
    with_ranks: bool = False,
) -> Comparison:
    """Compare two sides, quantity by quantity.

    `mapping` maps operations of NEW to those of OLD that they are held against; then these alone
    are judged, and the others show how far the two measurements lie apart.
    """
    pairs, reasons = pairs_of(old, new, mapping)
    metrics = dict.fromkeys(one.metric for one in pairs)
    same_run = old.digest == new.digest and not _are_refitted(pairs)
    shared = {
        metric: shared_by(
            [one for one in pairs if one.metric == metric], rules.alpha, same_run=same_run
        )
        for metric in metrics
    }
    judged = [one for one in pairs if one.op in mapping or not mapping]
    twins = {(one.metric, one.curve): one.twins for one in judged}
    ops, sizes = (
        [_with_clocks(row, shared[row.metric], old, new, twins) for row in rows]
        for rows in _rows(judged, shared, rules, len(metrics))
    )
    shifts = tuple(
        _shift(metric, found, rules) for metric, found in shared.items() if found and found.n
    )
    slower = [shift for shift in shifts if shift.told and shift.change > 1]
    verdict = overall([*ops, *(row for row in sizes if row.verdict is Change.REGRESSION)])
    if slower and verdict is not Change.REGRESSION:
        verdict = Change.INCONCLUSIVE
    return Comparison(
        kind=kind,
        old=old.name,
        new=new.name,
        verdict=verdict,
        min_effect=rules.min_effect,
        alpha=rules.alpha,
        ops=tuple(ops),
        sizes=tuple(sizes),
        shifts=shifts,
        differs=differing(old.conditions, new.conditions),
        not_compared=reasons,
        ranks=rank_agreements(pairs, rules.min_effect) if with_ranks else (),
        remarks=tuple(_remarks(old, new, pairs, shifts)),
    )


def _rows(
    pairs: Sequence[Pairs], shared: Mapping[str, Shared | None], rules: Rules, metrics: int
) -> tuple[list[Compared], list[Compared]]:
    """The judged operations, and the judged sizes of those that have several."""
    by_size = [one for one in pairs if len(one.tokens) > 1]
    families = FAMILIES if by_size else 1
    whole = [_tested_whole(one, shared[one.metric], families * metrics) for one in pairs]
    single = [row for one in by_size for row in _tested_sizes(one, shared[one.metric])]
    return judge_all(whole, rules, families), judge_all(single, rules, families)


def _tested_whole(pairs: Pairs, shared: Shared | None, tests: int) -> NotJudged:
    """A curve over all its sizes; `tests` is how often outliers are looked for."""
    row = _row(pairs, None)
    if len(pairs.tokens) == 1:
        row = _row(pairs, 0)
    if shared is None:
        return NotJudged(row, pairs.level, None, 1.0, reason=_TOO_FEW)
    if pairs.is_mostly_unconfirmed:
        change = pairs.level - shared.common.mean
        return NotJudged(row, change, None, 1.0, reason=_MOSTLY_UNCONFIRMED)
    found = over_all_sizes(pairs, shared)
    p_apart = min(1.0, tests * shared.p_apart.get(pairs.curve, 0.0))
    return NotJudged(
        row, float(found.change[0]), float(found.sd[0]), float(found.freedom[0]), p_apart
    )


def _tested_sizes(pairs: Pairs, shared: Shared | None) -> Iterator[NotJudged]:
    if shared is None:
        for place, change in enumerate(pairs.log_ratios):
            yield NotJudged(_row(pairs, place), float(change), None, 1.0, reason=_TOO_FEW)
        return
    found: Estimate = at_each_size(pairs, shared)
    for place, doubt in enumerate(pairs.doubts):
        change, sd, freedom = (float(one[place]) for one in (found.change, found.sd, found.freedom))
        known = None if doubt is not None else sd
        yield NotJudged(_row(pairs, place), change, known, freedom, reason=doubt)


def _row(pairs: Pairs, place: int | None) -> Compared:
    """What a row holds before it is judged; over all sizes where `place` is None."""
    return Compared(
        metric=pairs.metric,
        op=pairs.op,
        curve=pairs.curve,
        tokens=None if place is None else pairs.tokens[place],
        unit=pairs.unit,
        n=len(pairs.tokens) if place is None else 1,
        old=None if place is None else float(pairs.old[place]),
        new=None if place is None else float(pairs.new[place]),
        change=1.0,
        lo=None,
        hi=None,
        p_more=1.0,
        p_less=1.0,
        verdict=Change.INCONCLUSIVE,
    )


def _with_clocks(
    row: Compared,
    shared: Shared | None,
    old: Side,
    new: Side,
    twins: Mapping[tuple[str, str], Twins],
) -> Compared:
    shared_change = exp(shared.common.mean) if shared else 1.0
    explained = by_clocks(row, shared_change, old, new, twins[(row.metric, row.curve)])
    return replace(row, by_clocks=explained)


def _remarks(
    old: Side, new: Side, pairs: Sequence[Pairs], shifts: Sequence[CommonShift]
) -> Iterator[str]:
    if old.digest == new.digest and _are_refitted(pairs):
        yield "OLD and NEW are models of the same points: what differs is how they were fitted"
    for shift in shifts:
        explained = shift_by_clocks(shift, old, new, [one.twins for one in pairs])
        if explained:
            yield f"{shift.metric} that most share: {explained}"


def _are_refitted(pairs: Sequence[Pairs]) -> bool:
    """Whether a curve differs from itself, where both sides are one measurement."""
    return any(one.is_refitted and not one.twins.is_mapped for one in pairs)


def _shift(metric: str, shared: Shared, rules: Rules) -> CommonShift:
    common = shared.common
    half = half_width(common.standard_error, shared.n - 1)
    told = abs(common.mean) > max(half, log1p(rules.min_effect))
    low, high = exp(common.mean - half), exp(common.mean + half)
    spread = expm1(common.between)
    return CommonShift(metric, exp(common.mean), low, high, shared.n, spread, told)
