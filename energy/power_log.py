"""Reads a power log: one device's sensors over time, with their return codes.

`profiler/power/sensor_recorder.py` writes it.

Times stay on the log's own clock, CLOCK_MONOTONIC, so that a duration is never bent by a host whose
clock is being set; windows that other clocks saw are brought to it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..store.errors import BadInput

SIMULATED: Final = "(simulated)"  # in the name of a device that is none
CLOCK_EPOCH: Final = "clock_epoch_ns"
CLOCK_BOOT: Final = "clock_boot_ns"
_NAME, _MAJOR = "moeprof.power_log", "1"
_COLUMNS: Final = ["begin_ns", "end_ns", "reading", "code", "value"]


@dataclass(frozen=True, slots=True)
class Series:
    """Readings of one sensor in order of time; all arrays have shape (n,).

    `begin_ns` and `end_ns` (int64, CLOCK_MONOTONIC) enclose each call; `code` (int64) is NVML's
    return code; `value` (float64) is in the unit of the reading's name, NaN where `code` is not 0.
    """

    begin_ns: npt.NDArray[np.int64]
    end_ns: npt.NDArray[np.int64]
    code: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.value)

    def between(self, begin_ns: int, end_ns: int) -> "Series":
        """The readings made inside [begin_ns, end_ns]."""
        return self.take((self.begin_ns >= begin_ns) & (self.end_ns <= end_ns))

    def around(self, begin_ns: int, end_ns: int) -> "Series":
        """The readings inside, with the last one before and the first one after."""
        first = int(np.searchsorted(self.end_ns, begin_ns, side="right")) - 1
        last = int(np.searchsorted(self.begin_ns, end_ns, side="left"))
        return self.take(slice(max(first, 0), last + 1))

    def good(self) -> "Series":
        """The readings that succeeded."""
        return self.take(self.code == 0)

    def take(self, which: npt.NDArray[np.bool_] | slice) -> "Series":
        """The chosen readings."""
        return Series(self.begin_ns[which], self.end_ns[which], self.code[which], self.value[which])


@dataclass(frozen=True, slots=True)
class PowerLog:
    """One power log. `gpu` is the UUID; `clock_epoch` and `clock_boot` hold those clocks, ns.

    `sensor` is "nvml", or "rapl" where the counter is that of a host's processor packages.
    """

    gpu: str
    gpu_name: str
    readings: dict[str, Series]
    sensor: str = "nvml"

    @property
    def simulated(self) -> bool:
        """Whether the device was none: what was measured on it is `simulated`."""
        return SIMULATED in self.gpu_name

    def series(self, name: str) -> Series:
        """Readings of one sensor by its name; empty where it was never read."""
        none = np.empty(0, np.int64)
        return self.readings.get(name) or Series(none, none, none, np.empty(0, np.float64))

    def monotonic_ns(self, epoch_ns: int) -> int:
        """The log's time at a time since the epoch, by the nearest readings of both clocks."""
        clock = self.series(CLOCK_EPOCH)
        offset_ns = clock_offset_ns(clock)
        epochs = clock.begin_ns + offset_ns
        return int(epoch_ns - np.interp(epoch_ns - epochs[0], epochs - epochs[0], offset_ns))

    def epoch_ns(self, monotonic_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Times since the epoch of times of the log, ns; shapes as given."""
        clock = self.series(CLOCK_EPOCH)
        offset_ns = clock_offset_ns(clock)
        relative = np.interp(monotonic_ns, clock.begin_ns, offset_ns - offset_ns[0])
        epochs: npt.NDArray[np.int64] = monotonic_ns + offset_ns[0] + relative.astype(np.int64)
        return epochs


def clock_offset_ns(clock: Series) -> npt.NDArray[np.int64]:
    """How far another clock is ahead of the log's at each of its readings, ns."""
    offset_ns: npt.NDArray[np.int64] = (
        clock.value.astype(np.int64) - (clock.begin_ns + clock.end_ns) // 2
    )
    return offset_ns


def read_power_log(path: Path) -> PowerLog:
    """Read a power log. Raises BadInput where the file is none, or of a major not known here."""
    try:
        with path.open(encoding="utf-8") as file:
            header = _header(path, file.readline())
            table = pd.read_csv(file, dtype={"value": "Int64"})
            if list(table.columns) != _COLUMNS:
                raise ValueError(f"its columns are {', '.join(map(str, table.columns))}")
            readings = {str(name): _series(rows) for name, rows in table.groupby("reading")}
    except OSError as error:
        raise BadInput(f"cannot read {path}: {(error.strerror or '').lower()}") from error
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path} is not a power log: {error}") from error
    if CLOCK_EPOCH not in readings or CLOCK_BOOT not in readings:
        raise BadInput(f"{path} is not a power log: it has no reading of the host's clocks")
    sensor = str(header.get("sensor") or "nvml")
    return PowerLog(str(header["gpu"]), str(header["name"]), readings, sensor)


def _header(path: Path, line: str) -> dict[str, str | None]:
    header = json.loads(line.removeprefix("#"))
    schema = header.get("schema", "") if isinstance(header, dict) else ""
    name, _, version = schema.partition("/")
    if name != _NAME or not {"gpu", "name"} <= header.keys():
        raise ValueError(f"its first line names no {_NAME}")
    if version.partition(".")[0] != _MAJOR:
        raise BadInput(
            f"{path} is {schema}, and this moeprof knows {_NAME}/{_MAJOR}",
            hint="read it with the moeprof that wrote it",
        )
    return dict(header)


def _series(rows: pd.DataFrame) -> Series:
    """One sensor's rows. As float64 an energy is exact, and a time since the epoch to 256 ns."""
    begin = rows["begin_ns"].to_numpy(np.int64)
    code = rows["code"].to_numpy(np.int64)
    value = rows["value"].to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isnan(value[code == 0]).any():
        raise ValueError("a reading succeeded without a value")
    return Series(begin, rows["end_ns"].to_numpy(np.int64), code, value)
