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
from ..record import Tool

# History, newest first. 1.1: the header may name its `sensor`. 1.0: the first.
SCHEMA: Final = "moeprof.power_log/1.1"
LOG_TOOL: Final = Tool(*SCHEMA.split("/"))

Row = tuple[int, int, str, int, int | None]
Header = dict[str, str | None]


def write_log(path: Path, header: Header, rows: Iterable[Row]) -> None:
    """Write a power log, whole. Raises BadInput where `path` cannot be written."""
    lines = [f"# {json.dumps(header)}", "begin_ns,end_ns,reading,code,value"]
    lines += [
        f"{begin},{end},{name},{code},{'' if value is None else value}"
        for begin, end, name, code, value in rows
    ]
    write_whole(path, "\n".join(lines) + "\n")
