"""Energy of NVTX ranges from the power that nsys recorded with a trace: the table `range_energies`.

On the GPU, an occurrence of a range extends from the start of its first kernel to the end of its
last one; a kernel belongs to the innermost range of its launch. The energy of an occurrence is all
that the sensor saw in that time, so it contains idle time and idle power. An occurrence that is too
short for a sensor with ten refreshes a second is left out; a range without any other occurrence has
no energy but the reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..stats.arrays import Int64
from ..store.flag import Flag, FlagCode
from ..store.provenance import EnergySource
from ..store.tables.parquet import table_from_columns
from ..store.tables.schemas import SCHEMAS
from .faults import frozen
from .nvtx_windows import RangedLaunches, Windows, changes, others_share, range_windows
from .power_log import Series
from .power_samples import power_readings, temperature_readings
from .readings import MIN_TICKS, mean_power_w, refreshes, update_period_s

_SHARED: Final = 0.02  # share of a window that kernels of other ranges may take
_AVERAGED_NS: Final = 1_000_000_000
_HOLE: Final = 3.0  # update periods without a reading that a window may contain
_SMEAR: Final = 1 / 6  # share of a period's power step that a window's end loses, on average
_STUCK_NS: Final = 2_000_000_000  # time without a change under load after which a sensor is stuck
_ROWS_AT_ONCE: Final = 65_536  # there may be as many range names as occurrences
_NS: Final = 1e9
MAY_LAG: Final = Flag(
    FlagCode.POWER_MAY_LAG,
    "the power may be the mean of the last second, which nsys does not say: short ranges then bear"
    " part of what ran before them",
)


class Unmeasured(StrEnum):
    """Why a range has no energy; of several reasons the first one in this order counts."""

    SHARED = (
        f"kernels of other ranges, or of none, took more than {_SHARED * 100:g} % of its time on"
        " the GPU: the power is not its own; run it alone"
    )
    FROZEN = "the power readings are stuck at one value"
    HOLE = "the power was not read all through it"
    UNTIMED = "a kernel of it has no time, so that its end on the GPU is not known"
    TOO_SHORT = (
        f"too short for {MIN_TICKS + 1} refreshes of the power sensor: hold its kernels under"
        " load, as the power pass of `moeprof profile` does"
    )
    NO_READINGS = "the trace has no power readings of this GPU: have nvml_metrics read all (-g all)"
    UNNAMED = "the power readings do not say of which of several GPUs they are"
    UNKNOWN_GPU = "the trace does not say on which GPU its kernels ran"


_REASONS: Final = (None, *Unmeasured)
_CODES: Final = {reason: code for code, reason in enumerate(_REASONS)}
# What is measured of one window. `alike_w` is the half width of errors that are the same in all
# occurrences, `ci95_w` that of all others; `code` is the index of the reason in `_REASONS`.
_MEASURE: Final = np.dtype(
    [
        ("code", np.int64),
        ("power_w", np.float64),
        ("ci95_w", np.float64),
        ("alike_w", np.float64),
        ("readings", np.int64),
        ("may_lag", np.bool_),
    ]
)

Measures = npt.NDArray[Any]  # structured, dtype _MEASURE, shape (windows,)


@dataclass(frozen=True, slots=True, eq=False)
class _Sensor:
    """Readings of one GPU, mW, one for each refresh; `averaged` is None where it is unknown.

    Each reading describes the period before it, so it is shifted back one period; it was seen
    between two polls, so it is placed midway. Means of a second keep their time. `late_ns` is the
    median of that half distance; `stuck` is a bool for each reading.
    """

    power: Series
    period_ns: int  # 0 where the power hardly changed
    late_ns: float
    stuck: npt.NDArray[np.bool_]
    averaged: bool | None


def range_energies(power: pa.Table, launches: RangedLaunches) -> Iterator[pa.Table]:
    """Yield `range_energies` in pieces, from `power_samples` and the launches of one trace of nsys.

    Both have times since the same moment. A reading of 0 W does not count.
    """
    windows = range_windows(launches)
    measures = np.zeros(len(windows), _MEASURE)
    for gpu in np.unique(windows.gpu).tolist():
        here = np.flatnonzero(windows.gpu == gpu)
        measures[here] = _measure_gpu(power, launches, windows, here)
    rows = _rows(windows, measures)
    yield SCHEMAS["range_energies"].empty_table()
    for at in range(0, len(rows["name"]), _ROWS_AT_ONCE):
        piece = slice(at, at + _ROWS_AT_ONCE)
        yield _table({name: values[piece] for name, values in rows.items()}, launches.names)


def _measure_gpu(
    power: pa.Table, launches: RangedLaunches, windows: Windows, here: Int64
) -> Measures:
    """Measure the windows with the indices `here`, all on one GPU."""
    gpu = int(windows.gpu[here[0]])
    samples = power.filter((pc.field("gpu") == gpu) & (pc.field("power_w") > 0))
    if gpu >= 0 and samples.num_rows:
        return _measure(_sensor(samples), launches, windows, here)
    reason = Unmeasured.NO_READINGS
    if gpu < 0:
        reason = Unmeasured.UNKNOWN_GPU
    elif power.column("gpu").null_count:
        reason = Unmeasured.UNNAMED
    measures = np.zeros(len(here), _MEASURE)
    measures["code"] = _CODES[reason]
    return measures


def _sensor(samples: pa.Table) -> _Sensor:
    """The sensor of one GPU, from its rows of `power_samples`."""
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
    """Time from each refresh to its reading, ns: half the time since the reading before it."""
    before = np.maximum(np.searchsorted(raw.begin_ns, power.begin_ns) - 1, 0)
    since_ns: Int64 = power.begin_ns - raw.begin_ns[before]
    return np.minimum(since_ns, period_ns) // 2


def _stuck(power: Series, temperature: Series) -> npt.NDArray[np.bool_]:
    """Whether each reading is one of equal readings during which the temperature moves."""
    stuck = np.zeros(len(power), dtype=np.bool_)
    bounds = np.flatnonzero(changes(power.value)).tolist()
    for first, last in pairwise([*bounds, len(power)]):
        if last - first > 1:
            run = power.take(slice(first, last))
            during = int(run.begin_ns[0]), int(run.end_ns[-1])
            stuck[first:last] = frozen(run, temperature.around(*during).between(*during))
    return stuck


def _measure(sensor: _Sensor, launches: RangedLaunches, windows: Windows, here: Int64) -> Measures:
    """Measure the windows with the indices `here`, all on the GPU of the sensor."""
    begin_ns = windows.begin_ns[here] + (_AVERAGED_NS if sensor.averaged else 0)
    end_ns = windows.end_ns[here]
    first = np.searchsorted(sensor.power.begin_ns, begin_ns, side="left")
    last = np.maximum(np.searchsorted(sensor.power.end_ns, end_ns, side="right"), first)
    stuck_until = np.concatenate([[0], np.cumsum(sensor.stuck)])
    stuck = stuck_until[last] > stuck_until[first]
    needed_ns = (MIN_TICKS + 2) * (sensor.period_ns or np.inf)
    measures = np.zeros(len(here), _MEASURE)
    timed = windows.timed[here]
    measures["code"] = np.select(
        [~timed, stuck, end_ns - begin_ns > needed_ns],
        [_CODES[each] for each in (Unmeasured.UNTIMED, Unmeasured.FROZEN, Unmeasured.HOLE)],
        _CODES[Unmeasured.TOO_SHORT],
    )
    measures["may_lag"] = sensor.averaged is None
    enough = (sensor.period_ns > 0) & (last - first > MIN_TICKS) & (end_ns > begin_ns)
    usable = np.flatnonzero(enough & ~stuck & timed)
    if len(usable):
        shared = others_share(launches, windows, here[usable]) > _SHARED
        measures["code"][usable[shared]] = _CODES[Unmeasured.SHARED]
        for at in usable[~shared].tolist():
            found = _window_power(sensor, int(begin_ns[at]), int(end_ns[at]))
            measures[at] = (*found, sensor.averaged is None)
    return measures


def _window_power(
    sensor: _Sensor, begin_ns: int, end_ns: int
) -> tuple[int, float, float, float, int]:
    """Code, power, half widths and readings of one window: `_MEASURE` without `may_lag`."""
    near = sensor.power.around(begin_ns, end_ns)
    moments_ns = np.clip(near.begin_ns, begin_ns, end_ns)
    steps_ns = np.diff(moments_ns, prepend=begin_ns, append=end_ns)
    if steps_ns.max() > _HOLE * sensor.period_ns:
        return _CODES[Unmeasured.HOLE], 0.0, 0.0, 0.0, 0
    power = mean_power_w(near, begin_ns, end_ns)
    if power.value is None or power.ci95 is None:
        return _CODES[Unmeasured.TOO_SHORT], 0.0, 0.0, 0.0, 0
    # A reading over a power step is the mean of the powers before and after it, weighted by the
    # phase of the step: on average each end of a window loses a sixth of a period's step
    # (docs/energy.md). That correction is uncertain by its own size, alike in all occurrences, and
    # so is the time from a refresh to its reading.
    beside_w = sensor.power.around(begin_ns - sensor.period_ns, end_ns).value[[0, -1]] / 1000
    steps_w = (power.value - beside_w) / (end_ns - begin_ns)
    smear_ns = sensor.period_ns * _SMEAR
    return (
        _CODES[None],
        power.value + steps_w.sum() * smear_ns,
        float(np.hypot(power.ci95, np.hypot(*steps_w) * sensor.period_ns)),
        np.abs(steps_w).sum() * (smear_ns + sensor.late_ns / 2),
        power.n,
    )


def _rows(windows: Windows, measures: Measures) -> dict[str, npt.NDArray[Any]]:
    """Columns with one row per name and GPU, each the sum over its measured windows.

    A ratio of an unmeasured row is NaN. Three columns are not in the table: `name`, `code` and
    `may_lag`.
    """
    first = np.flatnonzero(changes(windows.name, windows.gpu))
    total = partial(np.add.reduceat, indices=first)
    measured = measures["code"] == _CODES[None]
    length_s = np.where(measured, windows.end_ns - windows.begin_ns, 0) / _NS
    code = np.minimum.reduceat(measures["code"], first)
    launches, seconds = total(np.where(measured, windows.launches, 0)), total(length_s)
    joules = total(measures["power_w"] * length_s)
    alone = total((measures["ci95_w"] * length_s) ** 2)
    alike = total(measures["alike_w"] * length_s)
    joules_ci95 = np.sqrt(alone + alike**2)
    ratio = partial(_ratio, known=code == _CODES[None])
    return {
        "name": windows.name[first],
        "gpu": windows.gpu[first],
        "occurrences": total(windows.occurrences),
        "launches": total(windows.launches),
        "measured_launches": launches,
        "measured_s": seconds,
        "readings": total(measures["readings"]),
        "power_w": ratio(joules, seconds),
        "power_w_ci95": ratio(joules_ci95, seconds),
        "energy_mj": ratio(joules * 1000, launches),
        "energy_mj_ci95": ratio(joules_ci95 * 1000, launches),
        "code": code,
        "may_lag": measures["may_lag"][first],
    }


def _ratio(
    values: npt.NDArray[Any], each: npt.NDArray[Any], known: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """`values` over `each` where that is known, else NaN."""
    ratio = np.full(len(values), np.nan)
    np.divide(values, each, out=ratio, where=known)
    return ratio


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
        "source": np.where(known, EnergySource.NSYS_NVML, EnergySource.UNAVAILABLE).tolist(),
        "reason": pa.array(_REASONS, pa.string()).take(pa.array(rows["code"], pa.int64())),
        "marks": [[MAY_LAG.sentence] if lag else [] for lag in (known & rows["may_lag"]).tolist()],
    }
    return table_from_columns("range_energies", columns)
