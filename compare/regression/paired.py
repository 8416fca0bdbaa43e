"""The values that both sides have, in pairs, and how well each side knows its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from ...stats.arrays import Float64
from .side import UNCONFIRMED, Reading, Side

_OF_95: Final = 1.96  # half width of a normal 95 % interval over the standard deviation
_ROUNDED: Final = 1e-4  # a model keeps six digits or more
_NORMAL_MEDIAN: Final = 1.4826  # standard deviation over the median of normal |values|


class Twins(NamedTuple):
    """A curve of OLD and the one of NEW that it is compared with."""

    old: str
    new: str
    is_mapped: bool


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """One quantity of one curve at the `tokens` [n] that both sides have, ascending.

    `op` and `curve` are as NEW calls them, `twins` are the names of the curve on both sides.
    `log_ratios` [n] are those of new to old. `own_sd` [n] is by how much repeats and intervals of
    the two sides let each be off, and `own_sd_of_all` the same of all together, as repeats in one
    process are off together; `freedom` is the number of repeats that say so. `doubts` [n] say why a
    size decides nothing by itself.
    """

    metric: str
    unit: str
    op: str
    curve: str
    tokens: tuple[int | None, ...]
    old: Float64
    new: Float64
    own_sd: Float64
    own_sd_of_all: float
    freedom: int
    doubts: tuple[str | None, ...]
    twins: Twins

    @property
    def log_ratios(self) -> Float64:
        """Log of new over old at each size, [n]."""
        return np.log(self.new / self.old)

    @property
    def is_mostly_unconfirmed(self) -> bool:
        """Whether most sizes were measured in one process alone, on either side."""
        return 2 * sum(UNCONFIRMED in (doubt or "") for doubt in self.doubts) > len(self.doubts)

    @property
    def is_refitted(self) -> bool:
        """Whether values differ by more than the digits that a model keeps of a measurement."""
        return bool(np.abs(self.log_ratios).max() > _ROUNDED)

    @property
    def level(self) -> float:
        """The median log ratio."""
        return float(np.median(self.log_ratios))


def pairs_of(
    old: Side, new: Side, mapping: Mapping[str, str]
) -> tuple[list[Pairs], dict[str, str]]:
    """Pair the values of both sides; beside them, what has no pair and why.

    `mapping` maps operations of NEW to the operations of OLD that they are compared with.
    """
    twins = _twins(old, new, mapping)
    reasons = _alone(old, new, twins)
    found = []
    for metric in dict.fromkeys([*old.values, *new.values]):
        lacking = [side for side in (old, new) if not side.values.get(metric)]
        if lacking:
            who = "neither side has it" if len(lacking) == 2 else f"{lacking[0].name} lacks it"
            reasons[metric] = f"{who}: {lacking[0].reasons.get(metric, 'not measured')}"
            continue
        for one in twins:
            pairs = _paired(metric, old, new, one)
            if isinstance(pairs, str):
                reasons[f"{metric} of {one.new}"] = pairs
            else:
                found.append(pairs)
    return found, reasons


def _twins(old: Side, new: Side, mapping: Mapping[str, str]) -> list[Twins]:
    """Each curve of NEW with the one of OLD of its operation, shape and precision.

    Mapped operations of which each side has one curve are paired whatever their shapes.
    """
    found = []
    for curve, op in new.ops.items():
        other = mapping.get(op, op)
        twin = other + curve.removeprefix(op)
        if op in mapping and [*new.ops.values()].count(op) == [*old.ops.values()].count(other) == 1:
            twin = next(name for name, of in old.ops.items() if of == other)
        if old.ops.get(twin) == other:
            found.append(Twins(twin, curve, is_mapped=op in mapping and twin != curve))
    return found


def _alone(old: Side, new: Side, twins: Sequence[Twins]) -> dict[str, str]:
    """The curves that only one side has; one that a mapping sets aside is on both."""
    mine = {one.new for one in twins} | {*old.ops}
    other = {one.old for one in twins} | {*new.ops}
    alone = {curve: f"only {new.name} has it" for curve in new.ops if curve not in mine}
    return alone | {curve: f"only {old.name} has it" for curve in old.ops if curve not in other}


def _paired(metric: str, old: Side, new: Side, twins: Twins) -> Pairs | str:
    """The pairs of one curve, or the reason why there are none."""
    was, now = _of_curve(old, metric, twins.old), _of_curve(new, metric, twins.new)
    if not was or not now:
        return f"not measured on {'OLD' if not was else 'NEW'}"
    before, after = old.sources.get((metric, twins.old)), new.sources.get((metric, twins.new))
    if before != after:
        return f"measured by {before} on OLD and by {after} on NEW"
    sizes = sorted(was.keys() & now.keys(), key=lambda size: size or 0)
    if not sizes:
        return "no batch size was measured on both sides"
    own_sd = np.hypot(_own_sd(was, sizes), _own_sd(now, sizes))
    doubts = tuple(_doubt(was[size], now[size]) for size in sizes)
    pairs = Pairs(
        metric=metric,
        unit=new.units[metric],
        op=new.ops[twins.new],
        curve=twins.new,
        tokens=tuple(sizes),
        old=np.array([was[size].value for size in sizes]),
        new=np.array([now[size].value for size in sizes]),
        own_sd=own_sd,
        own_sd_of_all=float(np.median(own_sd)),
        freedom=sum(one.repeat is not None for one in (*was.values(), *now.values())),
        doubts=doubts,
        twins=twins,
    )
    if old.digest != new.digest or twins.is_mapped or pairs.is_refitted:
        return pairs
    nothing = np.zeros(len(sizes))  # one measurement, held against itself
    return replace(pairs, own_sd=nothing, own_sd_of_all=0.0, doubts=(None,) * len(sizes))


def _doubt(was: Reading, now: Reading) -> str | None:
    if was.doubt is not None:
        return f"on OLD: {was.doubt}"
    return None if now.doubt is None else f"on NEW: {now.doubt}"


def _of_curve(side: Side, metric: str, curve: str) -> dict[int | None, Reading]:
    return {size: one for (name, size), one in side.values[metric].items() if name == curve}


def _own_sd(readings: Mapping[int | None, Reading], sizes: Iterable[int | None]) -> Float64:
    """Standard deviation of each value by its own interval and by the repeats of its curve, [n].

    Two repeats estimate no variance by themselves: that of a repeat is pooled over the curve, by a
    median that single disturbed sizes do not move. A size whose own repeats differ by more has its
    own.
    """
    repeats = [one.repeat for one in readings.values() if one.repeat is not None]
    usual = _NORMAL_MEDIAN * float(np.median(repeats)) if repeats else 0.0
    return np.array([_sd(readings[size], usual) for size in sizes])


def _sd(reading: Reading, usual: float) -> float:
    """Standard deviation of one value; `usual` is the |log| ratio of two repeats, as an sd."""
    difference = max(usual, reading.repeat or 0.0)
    interval = (reading.half_95 or 0.0) / _OF_95
    return float(np.hypot(interval, difference / (2 * reading.repeats) ** 0.5))
