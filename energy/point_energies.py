"""Energy columns of the table `points`, from the measured loads of a run's power pass.

Each size is loaded once in each block. Its mean is that of the loads that nothing disturbed; where
all were disturbed, they count, with a flag. In older runs, without reference loads, a block ended
with the size that it began with: that load only shows drift, and is in no mean.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from ..stats.measured import Measured, difference
from ..stats.repeatability import repeat_difference
from ..store.flag import Flag, FlagCode
from ..store.plan import Plan
from ..store.provenance import EnergySource
from ..store.recording import Recording
from .drift.comparable import comparable
from .per_launch import MeteredLoad, means_of_loads
from .power_meter import SensorGain

MAX_DRIFT: Final = 0.03  # relative change of power within a block that raises no flag
NO_ANCHOR: Final = "this size is no anchor of the power pass"
NOT_REACHED: Final = "the power pass has not reached this operation"
STUCK: Final = (
    "the power under load is that of the idle device while the temperature moves: it is stuck"
)
_FAR: Final = 6.0  # from so many medians on, a difference between repeats is no scatter
_TOLD: Final = 0.01  # correction of a power that raises a flag
_ALIKE: Final = 1e-3  # relative difference of powers that count as equal
_MIN_RISE_C: Final = 2.0
_UNKNOWN: Final = Measured(None, None, 0)

Columns = dict[str, Any]
Sizes = Mapping[str, Sequence[MeteredLoad]]


class PointEnergies:
    """Gathers the loads of a run, recording by recording, and gives the columns of its points."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._loads: dict[str, list[MeteredLoad]] = {}
        self._failures: dict[str, list[str]] = {}

    def add(self, recording: Recording, loads: Iterable[MeteredLoad]) -> None:
        """Add the loads and the failures of one recording of the power pass."""
        self._loads.setdefault(recording.op, []).extend(loads)
        for failure in recording.failures:
            self._failures.setdefault(failure.scenario_key, []).append(failure.reason)

    def columns(self) -> dict[str, Columns]:
        """Columns of `points` about energy, and `flags`, a list of Flag; by scenario key.

        A key without a load and without a failure is not in the result.
        """
        found = {
            key: _no_energy("; ".join(dict.fromkeys(reasons)))
            for key, reasons in self._failures.items()
        }
        blocks = 1 if self._plan.power is None else self._plan.power.max_blocks
        gain = self.sensor_gain
        for loads in comparable(self._loads).values():
            if gain is not None:
                loads = [one.flagged(gain.flags(one.cost.sensor_ratio)) for one in loads]
            found |= _columns(loads, blocks)
        return found

    @property
    def sensor_gain(self) -> SensorGain | None:
        """The device's sensor against the external meter; None without a meter."""
        return SensorGain.of(
            one.cost.sensor_ratio for loads in self._loads.values() for one in loads
        )

    def why_none(self, op: str) -> str | None:
        """Why a size of `op` that is not in `columns` has no energy; None where that is unknown."""
        if self._plan.power is None:
            return self._plan.power_reason
        return NO_ANCHOR if op in self._loads else NOT_REACHED


def _columns(loads: Sequence[MeteredLoad], blocks: int) -> dict[str, Columns]:
    """Columns of the points of one operation, by scenario key."""
    sizes: dict[str, list[MeteredLoad]] = {}
    for one in loads:
        if one.load.scenario_key is not None and one.load.visit < blocks:
            sizes.setdefault(one.load.scenario_key, []).append(one)
    if _is_stuck(loads):
        return {key: _no_energy(STUCK) for key in sizes}
    idle = [one for one in loads if one.load.kind == "idle" and one.load.visit < blocks]
    (idle_w,) = means_of_loads([[one.cost.power_w for one in idle]]) if idle else (_UNKNOWN,)
    drift = _drift_flags(loads, blocks)
    used = {key: undisturbed(group) for key, group in sizes.items()}
    apart = _apart(used)
    means = zip(*(_means(used, each) for each in (_power_w, _energy_mj, _latency_us)), strict=True)
    return {
        key: _quantities(used[key], *quantities, idle_w=idle_w)
        | _origin(used[key])
        | {"flags": [*_flags(group), *_disagreement(used[key], apart), *drift]}
        for (key, group), quantities in zip(sizes.items(), means, strict=True)
    }


def undisturbed(loads: Sequence[MeteredLoad]) -> Sequence[MeteredLoad]:
    """The loads of one size that count: those in no doubt, or all where none has an energy."""
    clean = [one for one in loads if one.doubt is None]
    return clean if any(one.cost.reason is None for one in clean) else loads


def _apart(sizes: Sizes) -> float:
    """|log| ratio from which two loads of a size disagree: far beyond the usual one, and 3 %."""
    usual = [
        found
        for loads in sizes.values()
        for quantity in (_power_w, _energy_mj)
        if (found := _repeat_difference(loads, quantity)) is not None
    ]
    return max(MAX_DRIFT, _FAR * statistics.median(usual)) if usual else MAX_DRIFT


def _disagreement(loads: Sequence[MeteredLoad], apart: float) -> list[Flag]:
    """A flag where the loads of one size differ by more than `apart` in power or in energy."""
    for name, quantity in (("power", _power_w), ("energy", _energy_mj)):
        found = _repeat_difference(loads, quantity)
        if found is not None and found > apart:
            words = f"its {len(loads)} loads differ by {math.expm1(found):.1%} in {name}"
            return [Flag(FlagCode.LOADS_DISAGREE, words)]
    return []


def _quantities(
    loads: Sequence[MeteredLoad],
    power_w: Measured,
    energy_mj: Measured,
    latency_us: Measured,
    *,
    idle_w: Measured,
) -> Columns:
    """Columns of one size, each the mean over its loads."""
    above_idle_mj = difference(power_w, idle_w).scaled((latency_us.value or 0.0) / 1000)
    return {
        "power_w": power_w.value,
        "power_repeat_difference": _repeat_difference(loads, _power_w),
        "energy_mj": energy_mj.value,
        "energy_mj_ci95": _widened(energy_mj, loads),
        "energy_repeat_difference": _repeat_difference(loads, _energy_mj),
        "latency_sustained_us": latency_us.value,
        "idle_power_w": idle_w.value,
        "energy_above_idle_mj": above_idle_mj.value,
    }


def _widened(energy_mj: Measured, loads: Sequence[MeteredLoad]) -> float | None:
    """Half width of an energy's interval: it contains the energies of all its loads."""
    if energy_mj.value is None or energy_mj.ci95 is None:
        return energy_mj.ci95
    known = [value for one in loads if (value := _energy_mj(one).value) is not None]
    return max(energy_mj.ci95, *(abs(value - energy_mj.value) for value in known))


def _means(sizes: Sizes, quantity: Callable[[MeteredLoad], Measured]) -> list[Measured]:
    return means_of_loads([[quantity(one) for one in loads] for loads in sizes.values()])


def _power_w(one: MeteredLoad) -> Measured:
    return one.cost.power_w


def _energy_mj(one: MeteredLoad) -> Measured:
    return one.cost.energy_mj


def _latency_us(one: MeteredLoad) -> Measured:
    """Time per launch under the load, us; None where the load has no energy."""
    return Measured(one.latency_us if one.cost.reason is None else None, None, 1)


def _repeat_difference(
    loads: Sequence[MeteredLoad], quantity: Callable[[MeteredLoad], Measured]
) -> float | None:
    return repeat_difference([v for one in loads if (v := quantity(one).value) is not None])


def _is_stuck(loads: Sequence[MeteredLoad]) -> bool:
    """Whether the power is equal when idle and under load while the temperature moves by 2 degC.

    One window of ten refreshes a second is too short to see that.
    """
    measured = [one for one in loads if one.cost.power_w.value is not None]
    powers_w = [one.cost.power_w.value or 0.0 for one in measured]
    temps_c = [one.cost.temp_c for one in measured if one.cost.temp_c is not None]
    if len({one.load.kind for one in measured}) < 2 or not temps_c:
        return False
    alike = max(powers_w) - min(powers_w) <= _ALIKE * max(powers_w)
    return alike and max(temps_c) - min(temps_c) >= _MIN_RISE_C


def _origin(loads: Sequence[MeteredLoad]) -> Columns:
    """Number of loads with energy, their temperature and sensor; or why none has energy."""
    good = [one.cost for one in loads if one.cost.reason is None]
    if not good:
        return _no_energy("; ".join(dict.fromkeys(str(one.cost.reason) for one in loads)))
    peaks = [cost.power_peak_w for cost in good if cost.power_peak_w is not None]
    temps_c = [cost.temp_c for cost in good if cost.temp_c is not None]
    return {
        "power_peak_w": max(peaks, default=None),
        "energy_n": len(good),
        "energy_source": good[0].source,
        "energy_reason": None,
        "temp_c": statistics.fmean(temps_c) if temps_c else None,
    }


def _no_energy(reason: str) -> Columns:
    return {"energy_source": EnergySource.UNAVAILABLE, "energy_reason": reason, "flags": []}


def _flags(loads: Sequence[MeteredLoad]) -> list[Flag]:
    """Flags of the loads with energy, and one for each load without, where others have it."""
    used = undisturbed(loads)
    fate = "was disturbed" if len(used) == len(loads) else "is left out"
    good = [one for one in used if one.cost.reason is None]
    flags = [flag for one in good for flag in one.cost.flags]
    if good:
        flags += [
            Flag(
                FlagCode.LOAD_WITHOUT_ENERGY,
                f"load {one.load.visit} gave no energy: {one.cost.reason}",
            )
            for one in loads
            if one.cost.reason is not None
        ]
        flags += [
            Flag(FlagCode.LOAD_DISTURBED, f"load {one.load.visit} {fate}: {one.doubt}")
            for one in loads
            if one.cost.reason is None and one.doubt is not None
        ]
        corrected = statistics.fmean(one.correction for one in good)
        if abs(corrected) > _TOLD:
            words = f"its power was corrected by {corrected:+.1%} for the drift of the machine"
            flags.append(Flag(FlagCode.POWER_CORRECTED, words))
    return list(dict.fromkeys(flags))


def _drift_flags(loads: Sequence[MeteredLoad], blocks: int) -> list[Flag]:
    """Flag a power that differs between the beginning and the end of a block by more than 3 %.

    The load at the end of block i is repeat i + `blocks` of the size that the block began with.
    """
    power_w = {
        (one.load.scenario_key, one.load.visit): one.cost.power_w.value
        for one in loads
        if one.load.scenario_key is not None
    }
    for (key, repeat), begin_w in power_w.items():
        end_w = power_w.get((key, repeat + blocks))
        if begin_w is not None and end_w is not None and abs(end_w / begin_w - 1) > MAX_DRIFT:
            words = f"power drifted by {end_w / begin_w - 1:+.1%} while the operation was loaded"
            return [Flag(FlagCode.POWER_DRIFTED, words)]
    return []
