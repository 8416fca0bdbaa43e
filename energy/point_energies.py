"""Energy columns of the table `points`, from the measured loads of a run's power pass.

Each size is loaded once in each block. The size that a block begins with is loaded again at its
end: that load only shows whether the power has drifted meanwhile, and is in no mean.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from ..stats.measured import Measured, difference
from ..stats.repeatability import repeat_difference
from ..store.flag import Flag, FlagCode
from ..store.plan import Plan
from ..store.provenance import EnergySource
from ..store.recording import Recording
from .per_launch import MeteredLoad, means_of_loads
from .power_meter import SensorGain

MAX_DRIFT: Final = 0.03  # relative change of power within a block that raises no flag
NO_ANCHOR: Final = "this size is no anchor of the power pass"
NOT_REACHED: Final = "the power pass has not reached this operation"
STUCK: Final = (
    "the power under load is that of the idle device while the temperature moves: it is stuck"
)
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
        for loads in self._loads.values():
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
    means = zip(*(_means(sizes, each) for each in (_power_w, _energy_mj, _latency_us)), strict=True)
    return {
        key: _quantities(group, *quantities, idle_w=idle_w)
        | _origin(group)
        | {"flags": [*_flags(group), *drift]}
        for (key, group), quantities in zip(sizes.items(), means, strict=True)
    }


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
        "energy_mj_ci95": energy_mj.ci95,
        "energy_repeat_difference": _repeat_difference(loads, _energy_mj),
        "latency_sustained_us": latency_us.value,
        "idle_power_w": idle_w.value,
        "energy_above_idle_mj": above_idle_mj.value,
    }


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
    good = [one for one in loads if one.cost.reason is None]
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
