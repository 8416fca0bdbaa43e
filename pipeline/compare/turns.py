"""Readings of OLD and NEW in turns (A B B A), until all is decided or the budget is spent."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import fmean
from typing import Final

import numpy as np

from ...compare.regression.interleaved import Readings, judge_readings, looks_within, spikes
from ...compare.regression.judged import Rules
from ...store.errors import BadInput
from ...store.verdicts.comparison import Change, Compared
from ..measure.progress import RunProgress
from .own_readings import Value

_FIRST_LOOK: Final = 10  # readings of each side
_FEWEST: Final = 4  # below that a drift cannot be told from a change
_MOST: Final = 640

Read = Callable[[bool], Sequence[Value]]  # takes whether it is NEW that is read


@dataclass(frozen=True, slots=True)
class Taken:
    """The judged rows, over all sizes and of each; how many readings of each side; what lacks.

    `spikes` is the number of readings that do not count for some operation.
    """

    ops: tuple[Compared, ...]
    sizes: tuple[Compared, ...]
    readings: int
    spikes: int
    not_compared: dict[str, str]


def in_turns(
    read: Read,
    rules: Rules,
    budget_s: float,
    progress: RunProgress,
    clock_s: Callable[[], float] = time.monotonic,
) -> Taken:
    """Read both sides in turns; the first reading of each is a warm-up and does not count.

    Readings are looked at when there are 10 of each side and each time that they have doubled.
    Raises BadInput where the budget allows no four of each side.
    """
    end_s = clock_s() + budget_s
    began_s = clock_s()
    taken = [(False, read(False)), (True, read(True))]
    pair_s = clock_s() - began_s
    rounds = min(_MOST, int((end_s - clock_s()) / max(pair_s, 1e-3)))
    if rounds < _FEWEST:
        raise BadInput(
            f"one reading of each side takes {pair_s:.0f} s, and the budget has no room for"
            f" {_FEWEST} more",
            hint=f"allow at least --budget {(_FEWEST + 2) * pair_s:.0f}s, or name fewer sizes",
        )
    looks = looks_within(rounds, _FIRST_LOOK)
    progress.notice(f"{pair_s:.1f} s a pair of readings; up to {looks[-1]} pairs")
    taken.clear()
    for done in range(1, looks[-1] + 1):
        for is_new in (False, True) if done % 2 else (True, False):
            taken.append((is_new, read(is_new)))
        is_last = done == looks[-1] or (done >= _FEWEST and clock_s() + pair_s > end_s)
        if done in looks or is_last:
            judged = _judged(taken, rules, len(looks))
            still_open = sum(row.verdict is Change.INCONCLUSIVE for row in judged.ops)
            progress.notice(f"{done} readings of each side: {still_open} of {len(judged.ops)} open")
            if not still_open or is_last:
                break
    return judged


def _judged(taken: Sequence[tuple[bool, Sequence[Value]]], rules: Rules, looks: int) -> Taken:
    """Judge what was read so far: all operations and sizes are one family."""
    readings = [{(v.metric, v.curve, v.tokens): v for v in values} for _, values in taken]
    everywhere = [key for key in readings[0] if all(key in one for one in readings)]
    partly = {f"{m} of {c} at {t}" for one in readings for m, c, t in one} - {
        f"{m} of {c} at {t}" for m, c, t in everywhere
    }
    is_new = np.array([float(side) for side, _ in taken])
    curves = dict.fromkeys((metric, curve) for metric, curve, _ in everywhere)
    sizes, whole = [], []
    for metric, curve in curves:
        columns = [
            [one[key] for one in readings] for key in everywhere if key[:2] == (metric, curve)
        ]
        own = [_readings(column, is_new, column[0].tokens) for column in columns]
        several = len(own) > 1
        sizes += own if several else []
        whole.append(_mean(columns, is_new) if several else own[0])
    rows = judge_readings([*whole, *sizes], rules, looks)
    return Taken(
        ops=tuple(rows[: len(whole)]),
        sizes=tuple(rows[len(whole) :]),
        readings=len(taken) // 2,
        spikes=int(np.any([spikes(one) for one in whole], axis=0).sum()) if whole else 0,
        not_compared=dict.fromkeys(sorted(partly), "not in every reading"),
    )


def _readings(column: Sequence[Value], is_new: np.ndarray, tokens: int | None) -> Readings:
    first = column[0]
    values = np.array([one.value for one in column])
    session = np.zeros(len(column), dtype=np.int64)
    return Readings(
        first.metric, first.unit, first.op, first.curve, tokens, is_new, values, session
    )


def _mean(columns: Sequence[Sequence[Value]], is_new: np.ndarray) -> Readings:
    """The geometric mean over all sizes, as one value a reading."""
    means = [
        Value(
            same[0].metric,
            same[0].unit,
            same[0].op,
            same[0].curve,
            same[0].tokens,
            exp(fmean(log(one.value) for one in same)),
        )
        for same in zip(*columns, strict=True)
    ]
    return _readings(means, is_new, None)
