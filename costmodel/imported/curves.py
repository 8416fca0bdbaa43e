"""Rows of a public table by curve and batch size: one row a size, and none far off.

The published tables have thousands of sizes that were measured more than once, by one kernel or by
several.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from statistics import median
from typing import Final

from .power_gate import MAX_POWER
from .source_rows import Imported

Curves = Mapping[str, Mapping[int, Imported]]  # rows by curve and batch size
_FAR: Final = 10.0  # times what the other sizes allow


@dataclass(frozen=True, slots=True)
class _Size:
    """The measurements of one batch size of a curve, by the kernel that ran."""

    by_kernel: tuple[tuple[Imported, ...], ...]

    @property
    def repeats(self) -> tuple[Imported, ...]:
        """The measurements that count: those of the kernel whose median is the shortest."""
        return min(self.by_kernel, key=lambda rows: _median_row(rows).latency_us)

    @property
    def kernels_apart(self) -> float:
        """Relative difference between the slowest kernel and the fastest; 0 of one kernel."""
        return _apart([_median_row(rows) for rows in self.by_kernel])


def by_curve(rows: Iterable[Imported]) -> tuple[Curves, list[str]]:
    """One row for each curve and batch size, and remarks on what does not count.

    Of kernels that ran one size the fastest counts, as a runtime that tunes would take it; of the
    repeats of a kernel, their median. A row ten times slower than the smaller and the larger sizes
    allow is left out.
    """
    measured: defaultdict[str, defaultdict[int, list[Imported]]]
    measured = defaultdict(lambda: defaultdict(list))
    for row in rows:
        measured[row.scenario.curve][row.scenario.tokens].append(row)
    sizes = {
        curve: {tokens: _size(measured[curve][tokens]) for tokens in sorted(measured[curve])}
        for curve in measured
    }
    curves = {
        curve: {tokens: _median_row(size.repeats) for tokens, size in of_curve.items()}
        for curve, of_curve in sizes.items()
    }
    every = [size for of_curve in sizes.values() for size in of_curve.values()]
    near, far = _without_far(curves)
    return near, [*_kernels(every), *_repeats([size.repeats for size in every]), *far]


def _size(rows: Sequence[Imported]) -> _Size:
    def kernel(row: Imported) -> str:
        return row.kernel

    groups = groupby(sorted(rows, key=kernel), key=kernel)
    return _Size(tuple(tuple(repeats) for _, repeats in groups))


def _median_row(repeats: Sequence[Imported]) -> Imported:
    """One row for the measurements of one size: medians of latency and power.

    The power is None where one of them has none, or where they differ by more than 10 %.
    """
    if len(repeats) == 1:
        return repeats[0]
    powers_w = [row.power_w for row in repeats if row.power_w is not None]
    agreed = len(powers_w) == len(repeats) and max(powers_w) <= (1 + MAX_POWER) * min(powers_w)
    return replace(
        repeats[0],
        latency_us=median(row.latency_us for row in repeats),
        power_w=median(powers_w) if agreed else None,
    )


def _apart(rows: Sequence[Imported]) -> float:
    """Relative difference between the slowest of some rows and the fastest."""
    times_us = [row.latency_us for row in rows]
    return max(times_us) / min(times_us) - 1


def _kernels(sizes: Sequence[_Size]) -> list[str]:
    """A remark on sizes that several kernels ran."""
    several = [size for size in sizes if len(size.by_kernel) > 1]
    if not several:
        return []
    worst = max(several, key=lambda size: size.kernels_apart)
    names = sorted({rows[0].kernel for size in several for rows in size.by_kernel})
    return [
        f"{len(several)} sizes were measured with several kernels ({', '.join(names)}), up to"
        f" {worst.kernels_apart:.1%} apart ({worst.repeats[0].place}):"
        " the fastest of each size counts".replace("%", " %")
    ]


def _repeats(sizes: Sequence[Sequence[Imported]]) -> list[str]:
    """Remarks on sizes that one kernel ran more than once."""
    repeated = [rows for rows in sizes if len(rows) > 1]
    if not repeated:
        return []
    worst = max(repeated, key=_apart)
    remarks = [
        f"{len(repeated)} sizes were measured more than once, {median(map(_apart, repeated)):.1%}"
        f" apart in the median and {_apart(worst):.1%} at most ({worst[0].place}): the median"
        " counts"
    ]
    disputed = sum(
        _median_row(one).power_w is None and any(r.power_w for r in one) for one in repeated
    )
    if disputed:
        remarks.append(f"{disputed} of those sizes have powers that do not agree: none is used")
    return [each.replace("%", " %") for each in remarks]


def _without_far(curves: Curves) -> tuple[Curves, list[str]]:
    """The curves without rows far above the other sizes, and a remark on those."""
    near: dict[str, dict[int, Imported]] = {}
    far: list[tuple[float, Imported]] = []
    for curve, sizes in curves.items():
        rows = list(sizes.values())
        while found := [(times, row) for times, row in _above_others(rows) if times > _FAR]:
            far += found  # the last of two rows that are far hides the other
            rows = [row for times, row in _above_others(rows) if times <= _FAR]
        near[curve] = {row.scenario.tokens: row for row in rows}
    if not far:
        return curves, []
    times, worst = max(far, key=lambda one: one[0])
    return near, [
        f"{len(far)} rows left out, far slower than smaller and larger sizes: {worst.place}:"
        f" {worst.scenario.key} took {worst.latency_us:.6g} us, {times:.0f} times what they allow"
    ]


def _above_others(rows: Sequence[Imported]) -> list[tuple[float, Imported]]:
    """Each row of a curve, and how many times as long it takes as the other sizes allow at most.

    A larger size allows its own time, a smaller one its own time by tokens.
    """
    if len(rows) < 3:
        return [(0.0, row) for row in rows]
    per_token = list(accumulate((row.latency_us / row.scenario.tokens for row in rows), min))
    larger_us = list(accumulate((row.latency_us for row in reversed(rows)), min))[::-1]
    above = []
    for place, row in enumerate(rows):
        smaller_us = [us * row.scenario.tokens for us in per_token[max(0, place - 1) : place]]
        allowed_us = max(smaller_us + larger_us[place + 1 : place + 2])
        above.append((row.latency_us / allowed_us, row))
    return above


def short_curves(curves: Curves) -> list[str]:
    """A remark on curves of one batch size, of which no model can be made."""
    short = [curve for curve, sizes in curves.items() if len(sizes) == 1]
    if not short:
        return []
    left = "" if len(short) < len(curves) else "; no curve is left"
    return [
        f"{len(short)} of {len(curves)} curves dropped, for a curve needs two batch sizes:"
        f" {short[0]} has {next(iter(curves[short[0]]))} alone{left}"
    ]
