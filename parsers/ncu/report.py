"""A report of Nsight Compute as the table `counters`, read by NVIDIA's package ncu-report.

Values are taken as base units whatever unit the package names: Debian's version 2024.2.0 names
seconds for values in nanoseconds.
"""

import importlib
import importlib.util
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from ...store.errors import BadInput
from ...store.tables.parquet import table_from_columns
from ..messages import Refusal
from .counters import METRICS, Counters
from .nulls import Nulls

MAGIC: Final = b"NVR\0"
_LENGTH_BYTES: Final = 4
_PAYLOAD_SIZE_FIELD: Final = 5  # number of the protobuf field in a block's header
_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5  # protobuf's wire types


def has_ncu_report() -> bool:
    """Whether NVIDIA's package is installed."""
    return importlib.util.find_spec("ncu_report") is not None


def read_ncu_report(path: Path) -> Counters:
    """Read a report as `counters`; a metric that a kernel lacks, or that is not finite, is null.

    Raises BadInput where the report is cut short, damaged, or holds no kernel.
    """
    check_report(path)
    nulls = Nulls()
    try:
        columns = _columns(importlib.import_module("ncu_report").load_report(str(path)), nulls)
    except (OSError, RuntimeError, ValueError) as error:
        raise BadInput(f"{path} cannot be read by ncu-report: {error}") from error
    if not columns["launch"]:
        raise BadInput(f"{path} {Refusal.NCU_REPORT_EMPTY}", hint="profile again")
    warnings = tuple(f"{path.name}: {warning}" for warning in nulls.warnings())
    return Counters(table_from_columns("counters", columns), warnings)


def _columns(context: Any, nulls: Nulls) -> dict[str, list[Any]]:
    """Columns of `counters` from a report that NVIDIA's package has loaded."""
    ranges = (context.range_by_idx(number) for number in range(context.num_ranges()))
    kernels = [one.action_by_idx(n) for one in ranges for n in range(one.num_actions())]
    columns: dict[str, list[Any]] = {
        "launch": list(range(len(kernels))),
        "kernel": [kernel.name(kernel.NameBase_DEMANGLED) for kernel in kernels],
    }
    for column, (metric, _) in METRICS.items():
        columns[column] = [_value(kernel, metric, nulls) for kernel in kernels]
    return columns


def check_report(path: Path) -> None:
    """Raise BadInput where a report is not whole: NVIDIA's tools read a part without a warning.

    A report is a magic number, a file header, and blocks of a header and a payload. Each header
    follows its length (Nsight Compute's customization guide, "Report File Format").
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            end = len(MAGIC) + _LENGTH_BYTES + _length_at(file, len(MAGIC))
            while end < size:
                header_bytes = _length_at(file, end)
                payload_bytes = sum(_varints(file.read(header_bytes), _PAYLOAD_SIZE_FIELD))
                end += _LENGTH_BYTES + header_bytes + payload_bytes
    except IndexError:
        end = -1
    if end != size:
        raise BadInput(
            f"{path} {Refusal.NCU_REPORT_DAMAGED}: its blocks do not end where the file does",
            hint="copy it again, or profile again",
        )


def _length_at(file: BinaryIO, place: int) -> int:
    """Read the length at a place; leaves the position of `file` after it."""
    file.seek(place)
    return int.from_bytes(file.read(_LENGTH_BYTES), "little")


def _varints(message: bytes, wanted: int) -> Iterator[int]:
    """Values of a numbered field of a protobuf message (protobuf.dev/programming-guides/encoding).

    Raises IndexError where the bytes are no complete message.
    """
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        field, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            if field == wanted:
                yield value
        elif kind == _LENGTH_DELIMITED:
            length, place = _varint(message, place)
            place += length
        elif kind in (_FIXED32, _FIXED64):
            place += 4 if kind == _FIXED32 else 8
        else:
            raise IndexError


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """Decode the varint at a place; return it and the place after it."""
    value = shift = 0
    while message[place] & 0x80:
        value |= (message[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
    return value | message[place] << shift, place + 1


def _value(kernel: Any, metric: str, nulls: Nulls) -> float | None:
    """Number of a metric of a kernel; `nulls` counts those that are not finite."""
    found = kernel.metric_by_name(metric)
    if found is None or not found.has_value():
        return None
    value = float(found.as_double())
    if math.isfinite(value):
        return value
    nulls.cell(metric, str(value))
    return None
