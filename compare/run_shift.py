"""How another run differs from the model's own: as a whole, or in single curves.

Where most curves take longer by the same share, the machine or the build changed; where one does,
its kernel did. What is left between the two runs beside such changes is how well a size repeats
from run to run, which no repeat within a run shows.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import expm1, hypot, log, log1p
from statistics import median
from typing import Any, Final

from ..store.verdicts.parts import RunShift
from .held import Held

_FEWEST_SIZES: Final = 3  # fewer do not say how a curve changed
_FEWEST_PAIRS: Final = 6  # fewer sizes of both runs do not say how well they repeat
_ALIKE: Final = 1 / 2  # changes are alike that differ by no more than this share of the common one

# (curve, batch size) to the value that the model's own run measured there
OwnValues = Mapping[tuple[str, int], float]


def values_of(rows: Iterable[Mapping[str, Any]], column: str) -> OwnValues:
    """The measured values of one column of `points`, by curve and batch size."""
    return {(row["curve"], row["tokens"]): row[column] for row in rows if row[column]}


def compare_runs(held: Sequence[Held], own: OwnValues, limit: float) -> RunShift:
    """Compare a run with the model's own, one quantity of all curves.

    Sizes that both measured are compared as measured; a curve of which they are less than half is
    compared with the model's predictions. Changes below half of `limit`, the one on the median
    error, are not told.
    """
    pairs = {one.curve: _against_own(one, own) for one in held}
    changes = {one.curve: _change(one, pairs[one.curve]) for one in held}
    known = {curve: change for curve, change in changes.items() if change is not None}
    common = _common(list(known.values()), limit)
    within, _ = _floor(pairs, alone=pairs)
    apart = max(log1p(hypot(limit, within or 0.0)), _ALIKE * abs(common or 0.0))
    alone = {c: expm1(v) for c, v in known.items() if abs(v - (common or 0.0)) > apart}
    floor, n = _floor(pairs, alone)
    return RunShift(
        common=None if common is None else expm1(common),
        alone=alone,
        floor=floor,
        n=n,
        told=common is not None and abs(common) > log1p(limit) / 2,
    )


def _against_own(held: Held, own: OwnValues) -> list[float]:
    """Log ratios of the sizes that both runs measured."""
    both = [(point, own.get((held.curve, point.tokens))) for point in held.points]
    return [log(point.measured / value) for point, value in both if value is not None]


def _change(held: Held, pairs: Sequence[float]) -> float | None:
    """Log ratio of a curve's values, new to old; None where too few sizes tell it."""
    predicted = [log(point.measured / point.predicted) for point in held.points]
    ratios = pairs if 2 * len(pairs) >= len(predicted) else predicted
    return median(ratios) if len(ratios) >= _FEWEST_SIZES else None


def _common(changes: Sequence[float], limit: float) -> float | None:
    """Log ratio that more than half of at least two curves share; None without one."""
    if len(changes) < 2:
        return None
    middle = median(changes)
    alike = max(log1p(limit) / 2, _ALIKE * abs(middle))
    sharing = sum(abs(change - middle) <= alike for change in changes)
    return middle if sharing >= 2 and 2 * sharing > len(changes) else None


def _floor(
    pairs: Mapping[str, Sequence[float]], alone: Collection[str]
) -> tuple[float | None, int]:
    """Median relative difference of one size between the runs, beside changes; how many sizes.

    The change of a curve that is `alone` is its own; the others share the median of theirs. Only
    measurements count: an error of the model is no scatter between runs.
    """
    own = {curve: median(ratios) for curve, ratios in pairs.items() if ratios}
    shared = [change for curve, change in own.items() if curve not in alone]
    middle = median(shared) if shared else 0.0
    apart = [
        abs(ratio - (own[curve] if curve in alone else middle))
        for curve, ratios in pairs.items()
        for ratio in ratios
    ]
    return (expm1(median(apart)) if len(apart) >= _FEWEST_PAIRS else None), len(apart)
