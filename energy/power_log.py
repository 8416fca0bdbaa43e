"""Reads a power log: the readings of one device's sensors over time, with their return codes.

`profiler/power/sensor_recorder.py` writes it. Times are on CLOCK_MONOTONIC, so that a step of the
host's clock does not change a duration; times of other clocks are converted to it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..device.nvml import NvmlCode
from ..store.errors import BadInput

POWER_LOG: Final = "power.csv"  # name of the file in a recording's folder
SIMULATED: Final = "(simulated)"  # part of a device's name
CLOCK_EPOCH: Final = "clock_epoch_ns"
CLOCK_BOOT: Final = "clock_boot_ns"
_NAME, _MAJOR = "moeprof.power_log", "1"
_AGAIN: Final = "restore the recorded file, or delete its folder and resume with --resume"
_COLUMNS: Final = ["begin_ns", "end_ns", "reading", "code", "value"]


@dataclass(frozen=True, slots=True)
class Series:
    """Readings of one sensor in order of time; all arrays have shape (n,).

    `begin_ns` and `end_ns` (int64, CLOCK_MONOTONIC) are the times before and after each call,
    `code` (int64) is NVML's return code, and `value` (float64) is in the unit of the reading's
    name, NaN where the call failed.
    """

    begin_ns: npt.NDArray[np.int64]
    end_ns: npt.NDArray[np.int64]
    code: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.value)

    def between(self, begin_ns: int, end_ns: int) -> "Series":
        """The readings whose call began and ended inside [begin_ns, end_ns]."""
        return self.take((self.begin_ns >= begin_ns) & (self.end_ns <= end_ns))

    def around(self, begin_ns: int, end_ns: int) -> "Series":
        """The readings inside, the last one before and the first one after."""
        first = int(np.searchsorted(self.end_ns, begin_ns, side="right")) - 1
        last = int(np.searchsorted(self.begin_ns, end_ns, side="left"))
        return self.take(slice(max(first, 0), last + 1))

    def good(self) -> "Series":
        """The readings that succeeded."""
        return self.take(self.code == NvmlCode.SUCCESS)

    def take(self, which: npt.NDArray[np.bool_] | slice) -> "Series":
        """The readings that a mask or a slice chooses."""
        return Series(self.begin_ns[which], self.end_ns[which], self.code[which], self.value[which])


@dataclass(frozen=True, slots=True)
class PowerLog:
    """One power log: the readings of each sensor by its name, of the device of UUID `gpu`.

    `sensor` is "nvml", or "rapl" where the counter is that of a host's processor packages. The
    readings `clock_epoch_ns` and `clock_boot_ns` are those of the host's other clocks.
    """

    gpu: str
    gpu_name: str
    readings: dict[str, Series]
    sensor: str = "nvml"

    @property
    def simulated(self) -> bool:
        """Whether the device was a simulation: its energies have the source `simulated`."""
        return SIMULATED in self.gpu_name

    def series(self, name: str) -> Series:
        """Readings of one sensor by its name, empty where it was never read."""
        none = np.empty(0, np.int64)
        return self.readings.get(name) or Series(none, none, none, np.empty(0, np.float64))

    def monotonic_ns(self, epoch_ns: int) -> int:
        """Convert a time since the epoch to the log's clock, between the readings of both."""
        clock = self.series(CLOCK_EPOCH)
        offset_ns = clock_offset_ns(clock)
        epochs = clock.begin_ns + offset_ns
        return int(epoch_ns - np.interp(epoch_ns - epochs[0], epochs - epochs[0], offset_ns))

    def epoch_ns(self, monotonic_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Convert times of the log's clock to times since the epoch, ns, of the same shape."""
        clock = self.series(CLOCK_EPOCH)
        offset_ns = clock_offset_ns(clock)
        relative = np.interp(monotonic_ns, clock.begin_ns, offset_ns - offset_ns[0])
        epochs: npt.NDArray[np.int64] = monotonic_ns + offset_ns[0] + relative.astype(np.int64)
        return epochs


def clock_offset_ns(clock: Series) -> npt.NDArray[np.int64]:
    """Another clock minus the log's clock at each of its readings, ns, int64 of shape (n,)."""
    offset_ns: npt.NDArray[np.int64] = (
        clock.value.astype(np.int64) - (clock.begin_ns + clock.end_ns) // 2
    )
    return offset_ns


def read_power_log(path: Path) -> PowerLog:
    """Read a power log. Raises BadInput where the file is none, or has another major version."""
    try:
        with path.open(encoding="utf-8") as file:
            header = _header(path, file.readline())
            table = pd.read_csv(file, dtype={"value": "Int64"})
            if list(table.columns) != _COLUMNS:
                raise ValueError(f"its columns are {', '.join(map(str, table.columns))}")
            readings = {str(name): _series(rows) for name, rows in table.groupby("reading")}
    except OSError as error:
        raise BadInput(
            f"cannot read {path}: {(error.strerror or '').lower()}", hint=_AGAIN
        ) from error
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path} is not a power log: {error}", hint=_AGAIN) from error
    if CLOCK_EPOCH not in readings or CLOCK_BOOT not in readings:
        raise BadInput(
            f"{path} is not a power log: it has no reading of the host's clocks", hint=_AGAIN
        )
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
    """Readings of one sensor. float64 holds an energy exactly, and an epoch time to 256 ns."""
    begin = rows["begin_ns"].to_numpy(np.int64)
    code = rows["code"].to_numpy(np.int64)
    value = rows["value"].to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isnan(value[code == NvmlCode.SUCCESS]).any():
        raise ValueError("a reading succeeded without a value")
    return Series(begin, rows["end_ns"].to_numpy(np.int64), code, value)
