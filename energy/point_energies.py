"""The energy of each point, from the loads of a run: its blocks together, with what separates them.

A size is loaded once in each block. The size that a block begins with comes again at its end: that
load only tells whether the power has drifted meanwhile.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from ..store.plan import Plan
from ..store.recording import Recording
from .blocks import means_over_blocks
from .counter import Measured, difference
from .per_launch import MeteredLoad
from .run_meter import SensorGain

DRIFT: Final = 0.03  # of the power within a process, above which an operation's points are marked
NO_ANCHOR: Final = "this size is no anchor of the power pass"
_NOT_REACHED: Final = "the power pass has not reached this operation"
STUCK: Final = (
    "the power under load is that of the idle device while the temperature moves: it is stuck"
)
_ALIKE: Final = 1e-3  # of the power: no device draws so nearly as much under load as idle
_MOVED_C: Final = 2.0
_UNKNOWN: Final = Measured(None, None, 0)


class PointEnergies:
    """The loads of a run, gathered one recording after the other, as columns of its points."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._loads: dict[str, list[MeteredLoad]] = {}
        self._failures: dict[str, list[str]] = {}

    def add(self, recording: Recording, loads: Iterable[MeteredLoad]) -> None:
        """Take in what one recording of the power pass holds."""
        self._loads.setdefault(recording.op, []).extend(loads)
        for failure in recording.failures:
            self._failures.setdefault(failure.scenario_key, []).append(failure.reason)

    def columns(self) -> dict[str, dict[str, Any]]:
        """Columns of `points` that have to do with energy, by scenario key.

        `marks` are those to be added. Keys that no load was asked of are not among them.
        """
        found: dict[str, dict[str, Any]] = {
            key: _nothing("; ".join(dict.fromkeys(reasons)))
            for key, reasons in self._failures.items()
        }
        gain = self.sensor_gain
        for loads in self._loads.values():
            blocks = 1 if self._plan.power is None else self._plan.power.max_blocks
            compared = loads if gain is None else [gain.marked(one) for one in loads]
            found |= _columns(compared, blocks)
        return found

    @property
    def sensor_gain(self) -> SensorGain | None:
        """The sensor beside the external meter that gave the energies; None without a meter."""
        return SensorGain.of(one for loads in self._loads.values() for one in loads)

    def why_none(self, op: str) -> str | None:
        """Why a size of `op` that is not in `columns` has no energy; None where nothing says."""
        if self._plan.power is None:
            return self._plan.power_reason
        return NO_ANCHOR if op in self._loads else _NOT_REACHED


def _columns(loads: Sequence[MeteredLoad], blocks: int) -> dict[str, dict[str, Any]]:
    """Columns of the points of one operation."""
    by_key: dict[str, list[MeteredLoad]] = {}
    baselines: dict[str, list[MeteredLoad]] = {}
    for one in loads:
        if one.load.visit < blocks:
            key = one.load.scenario_key
            group = baselines if key is None else by_key
            group.setdefault(key or one.load.kind, []).append(one)
    if _is_stuck(loads):
        return {key: _nothing(STUCK) for key in by_key}
    power = _pooled(by_key, lambda one: one.cost.power_w)
    energy = _pooled(by_key, lambda one: one.cost.energy_mj)
    latency = _pooled(by_key, _latency_us)
    beside = _pooled(baselines, lambda one: one.cost.power_w)
    idle, empty = beside.get("idle", _UNKNOWN), beside.get("empty", _UNKNOWN)
    drift = _drift_marks(loads, blocks)
    found: dict[str, dict[str, Any]] = {}
    for key in by_key:
        above = difference(power[key], idle).scaled((latency[key].value or 0.0) / 1000)
        found[key] = {
            **_estimate("power_w", power[key]),
            **_estimate("energy_mj", energy[key]),
            "power_repeat_difference": _repeat_difference(
                by_key[key], lambda one: one.cost.power_w
            ),
            "energy_repeat_difference": _repeat_difference(
                by_key[key], lambda one: one.cost.energy_mj
            ),
            **_estimate("latency_sustained_us", latency[key]),
            **_estimate("idle_power_w", idle),
            **_estimate("energy_above_idle_mj", above),
            "empty_power_w": empty.value,
            **_origin(by_key[key]),
            "marks": [*_marks(by_key[key]), *drift],
        }
    return found


def _is_stuck(loads: Sequence[MeteredLoad]) -> bool:
    """Whether the power is one and the same, idle and under load, while the temperature moves.

    One window is too short to tell that of a sensor that refreshes ten times a second.
    """
    costs = [one.cost for one in loads if one.cost.power_w.value is not None]
    powers_w = [cost.power_w.value or 0.0 for cost in costs]
    temps_c = [cost.temp_c for cost in costs if cost.temp_c is not None]
    kinds = {one.load.kind for one in loads if one.cost.power_w.value is not None}
    if len(kinds) < 2 or not temps_c:
        return False
    alike = max(powers_w) - min(powers_w) <= _ALIKE * max(powers_w)
    return alike and max(temps_c) - min(temps_c) >= _MOVED_C


def _pooled(
    by_key: dict[str, list[MeteredLoad]], quantity: Callable[[MeteredLoad], Measured]
) -> dict[str, Measured]:
    """Mean of a quantity of each size over its blocks, the spread pooled over the operation.

    No interval is narrower than that of the windows themselves, and where no size has two blocks
    there is no other.
    """
    groups = [[quantity(one) for one in loads] for loads in by_key.values()]
    means = means_over_blocks([[one.value for one in group] for group in groups])
    return {
        key: replace(mean, ci95=max(filter(None, (mean.ci95, _of_windows(group))), default=None))
        for key, group, mean in zip(by_key, groups, means, strict=True)
    }


def _of_windows(group: Sequence[Measured]) -> float | None:
    """Half-width of the mean of some windows, from their own; None where one has none."""
    halves = [one.ci95 for one in group if one.value is not None]
    if not halves or None in halves:
        return None
    return math.hypot(*(half for half in halves if half is not None)) / len(halves)


def _repeat_difference(
    loads: Sequence[MeteredLoad], quantity: Callable[[MeteredLoad], Measured]
) -> float | None:
    """|log| ratio of the highest and the lowest of a size's blocks; None below two."""
    values = [value for one in loads if (value := quantity(one).value) is not None]
    known = len(values) > 1 and min(values) > 0
    return math.log(max(values) / min(values)) if known else None


def _latency_us(one: MeteredLoad) -> Measured:
    whole = one.cost.reason is None
    return Measured(one.latency_us if whole else None, None, 1)


def _estimate(column: str, estimate: Measured) -> dict[str, float | None]:
    return {column: estimate.value, f"{column}_ci95": estimate.ci95}


def _origin(loads: Sequence[MeteredLoad]) -> dict[str, Any]:
    """How many loads gave the energy, how warm, and from which sensor; or why none did."""
    good = [one.cost for one in loads if one.cost.reason is None]
    if not good:
        return _nothing("; ".join(dict.fromkeys(str(one.cost.reason) for one in loads)))
    peaks = [cost.power_peak_w for cost in good if cost.power_peak_w is not None]
    temps_c = [cost.temp_c for cost in good if cost.temp_c is not None]
    return {
        "power_peak_w": max(peaks, default=None),
        "energy_n": len(good),
        "energy_source": good[0].source,
        "energy_reason": None,
        "temp_c": statistics.fmean(temps_c) if temps_c else None,
    }


def _nothing(reason: str) -> dict[str, Any]:
    return {"energy_source": "unavailable", "energy_reason": reason, "marks": []}


def _marks(loads: Sequence[MeteredLoad]) -> list[str]:
    """Doubts about the loads that gave the energy, and what took it from others."""
    good = [one for one in loads if one.cost.reason is None]
    marks = [mark for one in good for mark in one.cost.marks]
    if good:
        marks += [
            f"load {one.load.visit} gave no energy: {one.cost.reason}"
            for one in loads
            if one.cost.reason is not None
        ]
    return list(dict.fromkeys(marks))


def _drift_marks(loads: Sequence[MeteredLoad], blocks: int) -> list[str]:
    """Whether the reference took another power at the end of a process than at its beginning.

    The load `blocks` visits later is the same size again, at the end of the same process.
    """
    power_w = {
        (one.load.scenario_key, one.load.visit): one.cost.power_w.value
        for one in loads
        if one.load.scenario_key is not None
    }
    for (key, visit), begin_w in power_w.items():
        end_w = power_w.get((key, visit + blocks))
        if begin_w is not None and end_w is not None and abs(end_w / begin_w - 1) > DRIFT:
            return [f"power drifted by {end_w / begin_w - 1:+.1%} while the operation was loaded"]
    return []
