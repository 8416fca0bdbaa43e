"""The power log, `power.csv`: every reading of a device's sensors, in the order they were made.

A first line `# {"schema": …, "gpu": …, "name": …, "driver": …}`, a line of column names, then a row
per reading:

    begin_ns, end_ns   CLOCK_MONOTONIC before and after the call
    reading            its name, which ends in its unit (device/nvml.py)
    code               NVML's return code; 0 is success
    value              an integer, empty where the code is not 0

Once a second the rows `clock_epoch_ns` and `clock_boot_ns` hold those two clocks: they align the
log with traces, and show a suspended machine. energy/power_log.py reads the log.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ...store.files import write_whole

# History, newest first. 1.1: the header may name its `sensor`. 1.0: the first.
SCHEMA: Final = "moeprof.power_log/1.1"

Row = tuple[int, int, str, int, int | None]
Header = dict[str, str | None]


def write_log(path: Path, header: Header, rows: Iterable[Row]) -> None:
    """Write a power log, whole. Raises BadInput where `path` cannot be written."""
    first = f"# {json.dumps(header)}\nbegin_ns,end_ns,reading,code,value\n"
    write_whole(path, first + log_lines(rows))


def log_lines(rows: Iterable[Row]) -> str:
    """Lines of the log, each with its end."""
    return "".join(
        f"{begin},{end},{name},{code},{'' if value is None else value}\n"
        for begin, end, name, code, value in rows
    )


def rows_of(lines: str) -> list[Row]:
    """The readings that `log_lines` wrote."""
    cells = (line.split(",") for line in lines.splitlines())
    return [
        (int(begin), int(end), name, int(code), int(value) if value else None)
        for begin, end, name, code, value in cells
    ]
