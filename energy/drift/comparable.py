"""Loads of a power pass made comparable: corrected for the machine's drift, or put in doubt.

A slow drift of the machine, as of its surroundings' temperature, is corrected in power and in time
per launch: to the mean drift of all loads that count, so that the mean temperature of the pass
stays that of its powers. How much of the reference's drift an operation follows is estimated from
the loads of one size in different blocks. The power of a load at the power limit is the limit, and
is kept.

A load in doubt is one near a reference load that was disturbed, or one at another SM clock than
most loads although no power limit held it down.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from math import exp, log
from statistics import fmean, median
from typing import Final

from ...store.flag import FlagCode
from ..per_launch import MeteredLoad
from .reference_course import ReferenceCourse, reference_course

_CLOCK_MHZ: Final = 60  # as of a clock that moves within a load (energy/faults.py)
_FOLLOWS: Final = 1.0  # share of the reference's drift that an operation follows, before any repeat
_PRIOR: Final = 4e-4  # weight of that share: two repeats scatter by 1 %, the share by a half
_LARGEST: Final = 2.0

Loads = Mapping[str, Sequence[MeteredLoad]]


def comparable(loads: Loads) -> dict[str, list[MeteredLoad]]:
    """The loads of each operation, corrected and in doubt where they have to be."""
    references = [one for group in loads.values() for one in group if one.load.kind == "reference"]
    course = reference_course(references)
    doubted = {op: _doubted(group, course, _usual_clock_mhz(loads)) for op, group in loads.items()}
    if course is None:
        return doubted
    return {
        op: _corrected(group, course, _mean_drift(doubted, course)) for op, group in doubted.items()
    }


def _doubted(
    loads: Sequence[MeteredLoad], course: ReferenceCourse | None, usual_mhz: float | None
) -> list[MeteredLoad]:
    return [replace(one, doubt=_doubt(one, course, usual_mhz)) for one in loads]


def _doubt(one: MeteredLoad, course: ReferenceCourse | None, usual_mhz: float | None) -> str | None:
    clock_mhz = one.sm_clock_mhz
    if one.load.kind == "operation" and usual_mhz is not None and clock_mhz is not None:
        if not _is_capped(one) and abs(clock_mhz - usual_mhz) > _CLOCK_MHZ:
            return f"the SM clock was {clock_mhz:.0f} MHz, and {usual_mhz:.0f} MHz in most loads"
    return None if course is None else course.disturbance(one.at_s)


def _usual_clock_mhz(loads: Loads) -> float | None:
    """Median SM clock of the operations' loads that no power limit held down, MHz."""
    clocks = [
        one.sm_clock_mhz
        for group in loads.values()
        for one in group
        if one.sm_clock_mhz is not None and one.load.kind == "operation" and not _is_capped(one)
    ]
    return median(clocks) if clocks else None


def _is_capped(one: MeteredLoad) -> bool:
    return any(flag.code == FlagCode.POWER_CAPPED for flag in one.cost.flags)


def _mean_drift(loads: Loads, course: ReferenceCourse) -> dict[str, float]:
    """Mean drift over all loads of the operations, by quantity."""
    times_s = [one.at_s for group in loads.values() for one in group if _counts(one)]
    return {
        name: fmean(course.drift(name, at_s) for at_s in times_s) if times_s else 0.0
        for name in ("power", "time")
    }


def _counts(one: MeteredLoad) -> bool:
    return one.load.kind == "operation" and one.cost.reason is None and one.doubt is None


def _corrected(
    loads: Sequence[MeteredLoad], course: ReferenceCourse, mean: Mapping[str, float]
) -> list[MeteredLoad]:
    """The loads of one operation without the drift that it follows."""
    drifts = {name: [course.drift(name, one.at_s) - mean[name] for one in loads] for name in mean}
    power = _followed(loads, drifts["power"], lambda one: one.cost.power_w.value)
    time = _followed(loads, drifts["time"], lambda one: one.latency_us)
    return [
        _without_drift(one, 0.0 if _is_capped(one) else power * of_power, time * of_time)
        for one, of_power, of_time in zip(loads, drifts["power"], drifts["time"], strict=True)
    ]


def _without_drift(one: MeteredLoad, power: float, time: float) -> MeteredLoad:
    """A load divided by its drift, given as logarithms."""
    if one.load.kind == "idle":
        time = 0.0
    cost = replace(
        one.cost,
        power_w=one.cost.power_w.scaled(exp(-power)),
        energy_mj=one.cost.energy_mj.scaled(exp(-power - time)),
    )
    latency_us = None if one.latency_us is None else one.latency_us * exp(-time)
    return replace(one, cost=cost, latency_us=latency_us, correction=exp(-power) - 1)


def _followed(
    loads: Sequence[MeteredLoad],
    drifts: Sequence[float],
    quantity: Callable[[MeteredLoad], float | None],
) -> float:
    """Share of the reference's drift that an operation follows, from repeats: from 0 to 2."""
    sizes: dict[str | None, list[tuple[float, float]]] = {}
    for one, drift in zip(loads, drifts, strict=True):
        value = quantity(one)
        if _counts(one) and value is not None and value > 0 and not _is_capped(one):
            sizes.setdefault(one.load.scenario_key, []).append((drift, log(value)))
    both, squares = _FOLLOWS * _PRIOR, _PRIOR
    for repeats in sizes.values():
        for (drift, value), (later_drift, later_value) in combinations(repeats, 2):
            both += (later_drift - drift) * (later_value - value)
            squares += (later_drift - drift) ** 2
    return min(max(both / squares, 0.0), _LARGEST)
