"""The three layouts in which nsys exports GPU metrics, read into one.

table       GPU_METRICS + TARGET_INFO_GPU_METRICS               from 2023
JSON        GENERIC_EVENTS.data, one object a sample            the only one up to 2022.4
normalised  GENERIC_EVENT_DATA + GENERIC_EVENT_TYPE_FIELDS      from about 2024.5
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..store.errors import BadInput
from .events import Int64, int64_column
from .nsys_export import NsysExport

Place = Callable[[str], int]  # of a metric's name among METRIC_COLUMNS, -1 for none of them

_FLOAT: Final = 2  # of ENUM_NSYS_GENERIC_EVENT_FIELD_TYPE
_TIMES: Final = ("rawTimestamp", "timestamp")
_NO_TIME: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """One metric at one time each, arrays [n]; `time_ns` is session time.

    `type_id` names the GPU and the set of metrics; `place` is the metric's in METRIC_COLUMNS.
    """

    type_id: Int64
    time_ns: Int64
    place: Int64
    value: npt.NDArray[np.float64]

    def known(self) -> "Readings":
        """Return the readings of metrics that have a place."""
        kept = self.place >= 0
        return Readings(self.type_id[kept], self.time_ns[kept], self.place[kept], self.value[kept])


def read_layouts(export: NsysExport, strings: dict[int, str], place: Place) -> Readings:
    """Read the first layout that holds a metric with a place; the others repeat the same values."""
    readings = _from_table(export, strings, place).known()
    if not len(readings.value):
        readings = _from_json(export, place).known()
    if not len(readings.value):
        readings = _from_fields(export, strings, place).known()
    return readings


def _from_table(export: NsysExport, strings: dict[int, str], place: Place) -> Readings:
    """Join on (typeId, metricId): a metric's id is unique within its type only."""
    metrics = export.read("TARGET_INFO_GPU_METRICS", ["typeId", "metricId"], ["metricName"])
    rows = export.read("GPU_METRICS", [*_TIMES, "typeId", "metricId", "value"])
    type_id, metric_id = int64_column(rows, "typeId"), int64_column(rows, "metricId")
    stored = int64_column(rows, "value")
    value = np.where(stored < 0, stored & 0xFFFFFFFF, stored).astype(np.float64)  # int32 wraps
    floats = {(of, name) for (of, _), (name, kind) in _fields(export, strings).items()
              if kind == _FLOAT}  # fmt: skip
    places = np.full(len(value), -1, dtype=np.int64)
    for metric in metrics.to_pylist():
        here = (type_id == metric["typeId"]) & (metric_id == metric["metricId"])
        places[here] = place(metric["metricName"] or "")
        if (metric["typeId"], metric["metricName"]) in floats:  # the bits of a float
            value[here] = (stored[here] & 0xFFFFFFFF).astype(np.uint32).view(np.float32)
    return Readings(type_id, _times(rows), places, value)


def _from_json(export: NsysExport, place: Place) -> Readings:
    """Read one JSON object a sample: metric name to a number, given as text."""
    rows = export.read("GENERIC_EVENTS", [*_TIMES, "typeId"], ["data"])
    places: dict[str, int] = {}
    found: list[tuple[int, int, float]] = []
    for index, text in enumerate(rows.column("data").to_pylist()):
        for name, number in _object(export, text).items():
            if name not in places:
                places[name] = place(name)
            if places[name] >= 0:
                found.append((index, places[name], _number(export, name, number)))
    at, placed, values = np.asarray(found, dtype=np.float64).reshape(-1, 3).T
    at = at.astype(np.int64)
    return Readings(
        int64_column(rows, "typeId")[at],
        _times(rows)[at],
        placed.astype(np.int64),
        values,
    )


def _object(export: NsysExport, text: str | None) -> dict[str, Any]:
    try:
        body = json.loads(text or "{}")
    except ValueError as error:
        raise BadInput(f"{export.path}: GENERIC_EVENTS.data is not JSON: {error}") from error
    return body if isinstance(body, dict) else {}


def _number(export: NsysExport, name: str, number: object) -> float:
    try:
        return float(str(number))
    except ValueError:
        raise BadInput(f"{export.path}: GPU metric {name!r} holds {number!r}, no number") from None


def _from_fields(export: NsysExport, strings: dict[int, str], place: Place) -> Readings:
    """Read one row per field of an event; the field's type says which column holds its value."""
    events = export.read("GENERIC_EVENTS", ["genericEventId", *_TIMES, "typeId"])
    data = export.read(
        "GENERIC_EVENT_DATA",
        ["genericEventId", "fieldIdx", "intVal", "uintVal"],
        reals=["floatVal", "doubleVal"],
    )
    ids = int64_column(events, "genericEventId")
    order = np.argsort(ids)
    wanted = int64_column(data, "genericEventId")
    at = np.searchsorted(ids[order], wanted)
    found = np.flatnonzero((at < len(ids)) & np.isin(wanted, ids))
    event, field = order[at[found]], int64_column(data, "fieldIdx")[found]
    type_id = int64_column(events, "typeId")[event]
    places = np.full(len(found), -1, dtype=np.int64)
    for (of_type, of_field), (name, _) in _fields(export, strings).items():
        places[(type_id == of_type) & (field == of_field)] = place(name)
    columns = [data.column(n) for n in ("intVal", "uintVal", "floatVal", "doubleVal")]
    value = pc.coalesce(*(column.cast(pa.float64(), safe=False) for column in columns))
    values = value.combine_chunks().to_numpy(zero_copy_only=False)[found]
    places[np.isnan(values)] = -1
    return Readings(type_id, _times(events)[event], places, values)


def _fields(export: NsysExport, strings: dict[int, str]) -> dict[tuple[int, int], tuple[str, int]]:
    """Name and number type of each field, by type id and place in the event."""
    rows = export.read("GENERIC_EVENT_TYPE_FIELDS", ["typeId", "fieldIdx", "fieldNameId", "type"])
    return {
        (row["typeId"], row["fieldIdx"]): (strings.get(row["fieldNameId"], ""), row["type"])
        for row in rows.to_pylist()
    }


def _times(rows: pa.Table) -> Int64:
    """Session time of each row; a 2022 export leaves `timestamp` null, and the raw one is it."""
    time, raw = int64_column(rows, "timestamp", _NO_TIME), int64_column(rows, "rawTimestamp")
    return np.where(np.asarray(rows.column("timestamp").is_valid()), time, raw)
