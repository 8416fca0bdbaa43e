"""Refuse a power log that holds several devices in one column of power."""

import re
from pathlib import Path
from typing import Final

import pandas as pd

from ...store.errors import BadInput, shortened

_DEVICE: Final = re.compile(
    r"(.*[^a-z])?(index|uuid|bus|bus.?id|channel|ch|name|device|id|serial|sensor|rail|outlet|host"
    r"|hostname)|gpu|gpu.?[a-z]*id"
)
_SHOWN: Final = 4


def is_device(name: str) -> bool:
    """Whether a column of this name may tell the devices of a log apart."""
    return _DEVICE.fullmatch(name.strip().lower()) is not None


def refuse_several_devices(path: Path, name: str, cells: "pd.Series[str]") -> None:
    """Raise BadInput where a column that names devices holds several values, each in two rows.

    A number of the row, which never comes twice, is no device.
    """
    rows = cells.str.strip().value_counts(sort=False).drop("", errors="ignore")
    devices = [str(value) for value in rows[rows >= 2].index]
    if len(devices) > 1:
        shown = ", ".join(shortened(repr(one), 40) for one in devices[:_SHOWN])
        more = f" and {len(devices) - _SHOWN} more" if len(devices) > _SHOWN else ""
        raise BadInput(
            f"{path}: column {name.strip()!r} names {len(devices)} devices ({shown}{more}), and"
            " the power must be that of one",
            hint="keep the rows of the device under test alone, or remove the column",
        )
