"""Energy of NVTX ranges from the power that nsys read beside them: the table `range_energies`.

A range counts on the GPU: an occurrence reaches from the start of its first kernel to the end of
its last. Its energy is all that the sensor saw in that time, so that idle in between counts, and so
does what the GPU takes when idle. Only the innermost range of a launch counts. A sensor that
refreshes ten times a second says nothing of a kernel: an occurrence that it cannot resolve is left
out, and a range of none but such has no energy and says why.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..stats.arrays import Int64
from ..store.table_schemas import SCHEMAS
from ..store.tables import table_from_columns
from .counter import NEEDED_TICKS, integrated_power_w, refreshes, update_period_s
from .faults import frozen
from .power_log import Series
from .power_samples import power_readings, temperature_readings
from .range_windows import RangedLaunches, Windows, changes, others_share, range_windows

_SHARED: Final = 0.02  # kernel time of others, of the window, above which the power is not its own
_AVERAGED_NS: Final = 1_000_000_000
_HOLE: Final = 3.0  # periods without a reading, above which the sensor was not read
_SMEAR: Final = 1 / 6  # of a period: what a mean over all of it loses of a step, on average
_STUCK_NS: Final = 2_000_000_000  # a sensor under a load that does not change for so long is stuck
_ROWS_AT_ONCE: Final = 65_536  # a range may have a name of its own each time
_NS: Final = 1e9
_MAY_LAG: Final = (
    "the power may be the mean of the last second, which nsys does not say: short ranges then bear"
    " part of what ran before them"
)


class Unmeasured(StrEnum):
    """Why a range has no energy; of several reasons the first one is told."""

    SHARED = (
        f"kernels of other ranges, or of none, took more than {_SHARED * 100:g} % of its time on"
        " the GPU: the power is not its own; run it alone"
    )
    FROZEN = "the power readings are stuck at one value"
    HOLE = "the power was not read all through it"
    TOO_SHORT = (
        f"too short for {NEEDED_TICKS + 1} refreshes of the power sensor: hold its kernels under"
        " load, as the power pass of `moeprof profile` does"
    )
    NO_READINGS = "the trace has no power readings of this GPU: have nvml_metrics read all (-g all)"
    UNNAMED = "the power readings do not say of which of several GPUs they are"
    UNKNOWN_GPU = "the trace does not say on which GPU its kernels ran"


_REASONS: Final = (None, *Unmeasured)
_CODES: Final = {reason: code for code, reason in enumerate(_REASONS)}


@dataclass(frozen=True, slots=True, eq=False)
class _Sensor:
    """Readings of one GPU, mW, one for each refresh; `averaged` is None where nobody says.

    A refresh tells of the period that it ends: `power` has each reading one period earlier than it
    came, and there it stands until the next; it came between two readings of the sensor, and counts
    as in the middle. Means of a second keep their time.
    """

    power: Series
    period_ns: int  # 0 where the power hardly changed
    late_ns: float  # after a refresh, when it was mostly read
    stuck: npt.NDArray[np.bool_]  # of each reading
    averaged: bool | None


class _Measures:
    """What is found of each of n windows: why it is not measured, or its power and readings."""

    def __init__(self, n: int) -> None:
        self.code = np.full(n, _CODES[Unmeasured.NO_READINGS], dtype=np.int64)
        self.power_w, self.ci95_w = np.zeros(n), np.zeros(n)
        self.alike_w = np.zeros(n)  # half-width of what may be wrong alike in all occurrences
        self.readings = np.zeros(n, dtype=np.int64)
        self.may_lag = np.zeros(n, dtype=np.bool_)


def range_energies(power: pa.Table, launches: RangedLaunches) -> Iterator[pa.Table]:
    """Yield `range_energies` in pieces, from `power_samples` of nsys and launches of one trace.

    Both count time from the same moment. A reading of 0 W is none.
    """
    windows = range_windows(launches)
    measures = _Measures(len(windows))
    for gpu in np.unique(windows.gpu).tolist():
        here = np.flatnonzero(windows.gpu == gpu)
        samples = power.filter((pc.field("gpu") == gpu) & (pc.field("power_w") > 0))
        if gpu < 0:
            measures.code[here] = _CODES[Unmeasured.UNKNOWN_GPU]
        elif samples.num_rows:
            _measure(_sensor(samples), launches, windows, here, measures)
        elif power.column("gpu").null_count:
            measures.code[here] = _CODES[Unmeasured.UNNAMED]
    rows = _rows(windows, measures)
    yield SCHEMAS["range_energies"].empty_table()
    for at in range(0, len(rows["name"]), _ROWS_AT_ONCE):
        piece = slice(at, at + _ROWS_AT_ONCE)
        yield _table({name: values[piece] for name, values in rows.items()}, launches.names)


def _sensor(samples: pa.Table) -> _Sensor:
    raw = power_readings(samples)
    power, period_s = refreshes(raw), update_period_s(raw)
    stuck = _stuck(power, temperature_readings(samples))
    if period_s is None and raw.end_ns[-1] - raw.begin_ns[0] >= _STUCK_NS:
        power, stuck = raw, np.ones(len(raw), dtype=np.bool_)
    said = pc.unique(samples.column("averaged")).to_pylist()
    averaged = said[0] if len(said) == 1 else None
    period_ns = int((period_s or 0) * _NS)
    late_ns = _late_ns(raw, power, period_ns)
    time_ns = power.begin_ns - (0 if averaged else period_ns + late_ns)
    power = Series(time_ns, time_ns, power.code, power.value)
    return _Sensor(power, period_ns, float(np.median(late_ns)), stuck, averaged)


def _late_ns(raw: Series, power: Series, period_ns: int) -> Int64:
    """How long after its refresh each was read: half the time since the reading before it."""
    before = np.maximum(np.searchsorted(raw.begin_ns, power.begin_ns) - 1, 0)
    since_ns: Int64 = power.begin_ns - raw.begin_ns[before]
    return np.minimum(since_ns, period_ns) // 2


def _stuck(power: Series, temperature: Series) -> npt.NDArray[np.bool_]:
    """Which readings belong to a run of one value through which the temperature moves."""
    stuck = np.zeros(len(power), dtype=np.bool_)
    bounds = np.flatnonzero(changes(power.value)).tolist()
    for first, last in pairwise([*bounds, len(power)]):
        if last - first > 1:
            run = power.take(slice(first, last))
            during = int(run.begin_ns[0]), int(run.end_ns[-1])
            stuck[first:last] = frozen(run, temperature.around(*during).between(*during))
    return stuck


def _measure(
    sensor: _Sensor, launches: RangedLaunches, windows: Windows, here: Int64, into: _Measures
) -> None:
    """Measure the windows at `here`, all on the sensor's GPU."""
    since_ns = windows.begin_ns[here] + (_AVERAGED_NS if sensor.averaged else 0)
    end_ns = windows.end_ns[here]
    first = np.searchsorted(sensor.power.begin_ns, since_ns, side="left")
    last = np.maximum(np.searchsorted(sensor.power.end_ns, end_ns, side="right"), first)
    stuck = np.concatenate([[0], np.cumsum(sensor.stuck)])
    needed_ns = (NEEDED_TICKS + 2) * (sensor.period_ns or np.inf)
    into.code[here] = np.select(
        [stuck[last] > stuck[first], end_ns - since_ns > needed_ns],
        [_CODES[Unmeasured.FROZEN], _CODES[Unmeasured.HOLE]],
        _CODES[Unmeasured.TOO_SHORT],
    )
    into.may_lag[here] = sensor.averaged is None
    usable = (
        (sensor.period_ns > 0)
        & (last - first > NEEDED_TICKS)
        & (stuck[last] == stuck[first])
        & (end_ns > since_ns)
    )
    here, since_ns = here[usable], since_ns[usable]
    if not len(here):
        return
    shared = others_share(launches, windows, here) > _SHARED
    into.code[here[shared]] = _CODES[Unmeasured.SHARED]
    for at, since in zip(here[~shared].tolist(), since_ns[~shared].tolist(), strict=True):
        _estimate(sensor, since, int(windows.end_ns[at]), into, at)


def _estimate(sensor: _Sensor, since_ns: int, end_ns: int, into: _Measures, at: int) -> None:
    near = sensor.power.around(since_ns, end_ns)
    moments_ns = np.clip(near.begin_ns, since_ns, end_ns)
    steps_ns = np.diff(moments_ns, prepend=since_ns, append=end_ns)
    if steps_ns.max() > _HOLE * sensor.period_ns:
        into.code[at] = _CODES[Unmeasured.HOLE]
        return
    power = integrated_power_w(near, since_ns, end_ns)
    if power.value is None or power.ci95 is None:
        return
    # The reading that holds a step mixes the powers on both sides, in parts that its phase decides:
    # on average each end loses a sixth of a period's step (docs/energy.md). How much more or less
    # may be alike in all occurrences: that much again, and by how late readings came.
    beside_w = sensor.power.around(since_ns - sensor.period_ns, end_ns).value[[0, -1]] / 1000
    steps_w = (power.value - beside_w) / (end_ns - since_ns)
    smear_ns = sensor.period_ns * _SMEAR
    into.code[at] = _CODES[None]
    into.power_w[at] = power.value + steps_w.sum() * smear_ns
    into.readings[at] = power.n
    into.ci95_w[at] = np.hypot(power.ci95, np.hypot(*steps_w) * sensor.period_ns)
    into.alike_w[at] = np.abs(steps_w).sum() * (smear_ns + sensor.late_ns / 2)


def _rows(windows: Windows, measures: _Measures) -> dict[str, npt.NDArray[Any]]:
    """Put the windows of each name and GPU together: a row is the sum of what was measured.

    A ratio of an unmeasured row is NaN. Beside columns of the table: `name`, `code`, `may_lag`.
    """
    first = np.flatnonzero(changes(windows.name, windows.gpu))

    def total(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.add.reduceat(values, first)

    measured = measures.code == _CODES[None]
    length_s = np.where(measured, windows.end_ns - windows.begin_ns, 0) / _NS
    code = np.minimum.reduceat(measures.code, first)
    launches, seconds = total(np.where(measured, windows.launches, 0)), total(length_s)
    joules = total(measures.power_w * length_s)
    alone, alike = total((measures.ci95_w * length_s) ** 2), total(measures.alike_w * length_s)
    joules_ci95 = np.sqrt(alone + alike**2)

    def per(values: npt.NDArray[Any], each: npt.NDArray[Any]) -> npt.NDArray[Any]:
        ratio = np.full(len(values), np.nan)
        np.divide(values, each, out=ratio, where=code == _CODES[None])
        return ratio

    return {
        "name": windows.name[first],
        "gpu": windows.gpu[first],
        "occurrences": total(windows.occurrences),
        "launches": total(windows.launches),
        "measured_launches": launches,
        "measured_s": seconds,
        "readings": total(measures.readings),
        "power_w": per(joules, seconds),
        "power_w_ci95": per(joules_ci95, seconds),
        "energy_mj": per(joules * 1000, launches),
        "energy_mj_ci95": per(joules_ci95 * 1000, launches),
        "code": code,
        "may_lag": measures.may_lag[first],
    }


def _table(rows: dict[str, npt.NDArray[Any]], names: Any) -> pa.Table:
    columns: dict[str, Any] = {
        name: pa.array(values, from_pandas=True)
        for name, values in rows.items()
        if name in SCHEMAS["range_energies"].names
    }
    known = rows["code"] == _CODES[None]
    columns |= {
        "range_name": names.dictionary.take(pa.array(rows["name"], pa.int64())),
        "gpu": pa.array(rows["gpu"], mask=rows["gpu"] < 0),
        "source": np.where(known, "nsys_nvml", "unavailable").tolist(),
        "reason": pa.array(_REASONS, pa.string()).take(pa.array(rows["code"], pa.int64())),
        "marks": [[_MAY_LAG] if lag else [] for lag in (known & rows["may_lag"]).tolist()],
    }
    return table_from_columns("range_energies", columns)
