"""Reads a power log: the readings of one device's sensors over time, with their return codes.

`profiler/power/sensor_recorder.py` writes it. Times are on CLOCK_MONOTONIC, so that a step of the
host's clock does not change a duration; times of other clocks are converted to it.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TextIO

import msgspec
import numpy as np
import numpy.typing as npt

from ..device.nvml import NvmlCode
from ..store.errors import BadInput, shortened, unknown_schema
from ..store.files import cannot_read, check_size

if TYPE_CHECKING:
    import pandas as pd

POWER_LOG: Final = "power.csv"  # name of the file in a recording's folder
SIMULATED: Final = "(simulated)"  # part of a device's name
CLOCK_EPOCH: Final = "clock_epoch_ns"
CLOCK_BOOT: Final = "clock_boot_ns"
_NAME, _MAJOR = "moeprof.power_log", "1"
_AGAIN: Final = "restore the recorded file, or delete its folder and resume with --resume"
_COLUMNS: Final = {
    "begin_ns": "int64", "end_ns": "int64", "reading": "str", "code": "int64", "value": "Int64",
}  # fmt: skip
_FIRST_LINES: Final = 2  # the header, and the names of the columns
_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
_MOST_BYTES: Final = 256 << 20
_MOST_ROWS: Final = 8_000_000  # four hours of ten sensors, 50 times a second
_LATEST_NS: Final = 2**62  # since the epoch: sums of two times then fit into 64 bits


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


_NONE: Final = np.empty(0, np.int64)
_EMPTY: Final = Series(_NONE, _NONE, _NONE, np.empty(0, np.float64))


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
        return self.readings.get(name, _EMPTY)

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
    """Read a power log.

    Raises BadInput where the file is none, has another major version, or has a cell that breaks a
    rule: times and values are whole numbers, those of a sensor ascend, and only a temperature or a
    failed reading is not 0 or more.
    """
    try:
        check_size(path, _MOST_BYTES)
        with path.open(encoding="utf-8") as file:
            header = _header(path, file.readline())
            table = _table(file)
    except OSError as error:
        raise cannot_read(path, error, hint=_AGAIN) from error
    except (ValueError, TypeError, OverflowError) as error:
        raise _no_log(path, _first_bad_cell(path) or str(error)) from error
    _check_rows(path, table)
    readings = {str(name): _series(rows) for name, rows in table.groupby("reading")}
    for clock in (CLOCK_EPOCH, CLOCK_BOOT):
        readings[clock] = readings[clock].good() if clock in readings else _EMPTY
        if not len(readings[clock]):
            raise _no_log(path, "it has no reading of the host's clocks")
    return PowerLog(header.gpu, header.name, readings, header.sensor or "nvml")


@dataclass(frozen=True, slots=True)
class _Header:
    """The first line of a log; before 1.1 it has no `sensor`."""

    schema: str
    gpu: str
    name: str
    sensor: Literal["nvml", "rapl"] | None = None


def _header(path: Path, line: str) -> _Header:
    try:
        header = msgspec.convert(json.loads(line.removeprefix("#")), _Header)
    except RecursionError:
        raise ValueError("its first line is nested too deeply") from None
    name, _, version = header.schema.partition("/")
    if name != _NAME:
        raise ValueError(f"its first line names no {_NAME}")
    if version.partition(".")[0] != _MAJOR:
        way_out = "read it with the moeprof that wrote it"
        raise unknown_schema(path, header.schema, f"{_NAME}/{_MAJOR}", way_out=way_out)
    return header


def _table(file: TextIO) -> "pd.DataFrame":
    """The rows below the first line. Raises ValueError, TypeError or OverflowError for others."""
    import pandas as pd  # 0.15 s, which a trace without power need not pay

    with np.errstate(invalid="ignore"):  # pandas casts a number that is no int64, then refuses it
        table = pd.read_csv(file, dtype=_COLUMNS, nrows=_MOST_ROWS + 1)
    if len(table) > _MOST_ROWS:
        raise ValueError(f"it has more than {_MOST_ROWS} readings")
    if list(table.columns) != list(_COLUMNS):
        raise ValueError(f"its columns are {shortened(', '.join(map(str, table.columns)))}")
    if not isinstance(table.index, pd.RangeIndex):
        raise ValueError("its rows have more cells than it has columns")
    return table


def _first_bad_cell(path: Path) -> str | None:
    """What is wrong with the first cell that is no number; None where every cell is one."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for number, line in enumerate(file, start=1):
            cells = dict(zip(_COLUMNS, line.rstrip("\r\n").split(","), strict=False))
            if number <= _FIRST_LINES or not line.strip():
                continue
            for name, cell in cells.items():
                if name != "reading" and cell and not _is_int64(cell):
                    rule = "must be a whole number of 64 bits"
                    return f"{name} in its line {number} is {shortened(cell)!r}, and {rule}"
    return None


def _is_int64(cell: str) -> bool:
    return _WHOLE.fullmatch(cell) is not None and -(2**63) <= int(cell) < 2**63


def _check_rows(path: Path, table: "pd.DataFrame") -> None:
    """Raise BadInput, naming the line, for a row that cannot be."""
    begin, end, value = table["begin_ns"], table["end_ns"], table["value"]
    succeeded = table["code"] == NvmlCode.SUCCESS
    is_clock = table["reading"].isin((CLOCK_EPOCH, CLOCK_BOOT))
    before = table.groupby("reading")["begin_ns"].diff() < 0
    rules = {
        "names no reading": table["reading"].isna(),
        "is at a time below 0 or beyond 2116": (begin < 0) | (end > _LATEST_NS),
        "ends before it begins": end < begin,
        "goes back in time": before,
        "succeeded without a value": succeeded & value.isna(),
        "is negative": succeeded & (value < 0) & ~table["reading"].str.endswith("_c"),
        "is a clock beyond 2116": succeeded & is_clock & (value > _LATEST_NS),
    }
    for complaint, broken in rules.items():
        if (where := np.flatnonzero(broken.fillna(False))).size:
            line = where[0] + _FIRST_LINES + 1
            raise _no_log(path, f"the reading in its line {line} {complaint}")


def _no_log(path: Path, why: str) -> BadInput:
    return BadInput(f"{path} is not a power log: {why}", hint=_AGAIN)


def _series(rows: "pd.DataFrame") -> Series:
    """Readings of one sensor. float64 holds an energy exactly, and an epoch time to 256 ns."""
    return Series(
        rows["begin_ns"].to_numpy(np.int64),
        rows["end_ns"].to_numpy(np.int64),
        rows["code"].to_numpy(np.int64),
        rows["value"].to_numpy(dtype=np.float64, na_value=np.nan),
    )
