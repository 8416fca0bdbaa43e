"""The three layouts in which nsys exports GPU metrics, read into one.

table       GPU_METRICS + TARGET_INFO_GPU_METRICS               from 2023
JSON        GENERIC_EVENTS.data, one object a sample            the only one up to 2022.4
normalised  GENERIC_EVENT_DATA + GENERIC_EVENT_TYPE_FIELDS      from about 2024.5
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...stats.arrays import Int64
from ...store.errors import BadInput
from ..events import int64_column
from .export import NsysExport

Place = Callable[[str], int]  # of a metric's name among the wanted ones, -1 for none of them

_FLOAT: Final = 2  # of ENUM_NSYS_GENERIC_EVENT_FIELD_TYPE
_TIME: Final = "timestamp|rawTimestamp"  # a 2022 export leaves the first null
_NO_TIME: Final = -1
_VALUES: Final = ("intVal", "uintVal", "floatVal", "doubleVal")


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """One metric at one time each, arrays [n]; `time_ns` is session time.

    `type_id` names the GPU and the set of metrics; `place` is the metric's among the wanted ones.
    """

    type_id: Int64
    time_ns: Int64
    place: Int64
    value: npt.NDArray[np.float64]

    def known(self) -> "Readings":
        """Return the readings of metrics that have a place, from within the session."""
        kept = (self.place >= 0) & (self.time_ns >= 0)
        return self if kept.all() else self.take(np.flatnonzero(kept))

    def by_type(self) -> Iterator[tuple[int, "Readings"]]:
        """Yield the readings of each type."""
        types = _distinct(self.type_id)
        for one in sorted(types):
            yield one, self if len(types) == 1 else self.take(self.type_id == one)

    def take(self, index: Any) -> "Readings":
        """Return the readings at `index`."""
        return Readings(
            self.type_id[index], self.time_ns[index], self.place[index], self.value[index]
        )


def read_layouts(
    export: NsysExport, strings: dict[int, str], place: Place, by_time: bool = False
) -> Iterator[Readings]:
    """Yield the first layout that holds a metric with a place; the others repeat the same values.

    Pieces come in the order of the file, or sorted by time where `by_time` asks for it.
    """
    for readings in (
        _from_table(export, strings, place, by_time),
        _from_json(export, place, by_time),
        _from_fields(export, strings, place),
    ):
        found = False
        for piece in readings:
            known = piece.known()
            if len(known.value):
                found = True
                yield known
        if found:
            return


def _from_table(
    export: NsysExport, strings: dict[int, str], place: Place, by_time: bool
) -> Iterator[Readings]:
    """Join on (typeId, metricId): a metric's id is unique within its type only."""
    names = export.read("TARGET_INFO_GPU_METRICS", ["typeId", "metricId"], ["metricName"])
    floats = {(of, name) for (of, _), (name, kind) in _fields(export, strings).items()
              if kind == _FLOAT}  # fmt: skip
    metrics: dict[int, list[tuple[int, int, bool]]] = {}  # by type: id, place, bits of a float
    for row in names.to_pylist():
        name, type_id, metric = row["metricName"] or "", row["typeId"], row["metricId"]
        if place(name) >= 0 and type_id is not None and metric is not None:
            known = (metric, place(name), (type_id, name) in floats)
            metrics.setdefault(type_id, []).append(known)
    types = dict.fromkeys(["typeId", "metricId", "value", _TIME], pa.int64())
    for rows in export.blocks("GPU_METRICS", types, "3" if by_time else "") if metrics else ():
        type_id = int64_column(rows, "typeId")
        for one in _distinct(type_id) & metrics.keys():
            here = rows if (type_id == one).all() else rows.filter(pa.array(type_id == one))
            yield _of_type(here, one, metrics[one])


def _of_type(rows: pa.Table, type_id: int, metrics: list[tuple[int, int, bool]]) -> Readings:
    ids = pa.array([metric for metric, _, _ in metrics], pa.int64())
    index: Any = pc.index_in(rows.column("metricId"), value_set=ids)
    found = np.asarray(index.combine_chunks().fill_null(-1))
    stored = int64_column(rows, "value")
    if (stored < 0).any():
        stored = np.where(stored < 0, stored & 0xFFFFFFFF, stored)  # int32 wraps
    value = stored.astype(np.float64)
    for number, (_, _, is_float) in enumerate(metrics):
        if is_float:
            here = found == number
            value[here] = (stored[here] & 0xFFFFFFFF).astype(np.uint32).view(np.float32)
    places = np.asarray([*(place for _, place, _ in metrics), -1], dtype=np.int64)
    places_found = places[found]
    if rows.column("value").null_count:
        places_found[~np.asarray(rows.column("value").is_valid())] = -1
    time = int64_column(rows, _TIME, _NO_TIME)
    return Readings(np.broadcast_to(np.int64(type_id), len(time)), time, places_found, value)


def _distinct(values: Int64) -> set[int]:
    if len(values) and values.strides == (0,):
        return {int(values[0])}
    if len(values) and (values == values[0]).all():
        return {int(values[0])}
    return set(np.unique(values).tolist())


def _from_json(export: NsysExport, place: Place, by_time: bool) -> Iterator[Readings]:
    """Read one JSON object a sample: metric name to a number, given as text."""
    types: dict[str, pa.DataType] = {_TIME: pa.int64(), "typeId": pa.int64()}
    types["data"] = pa.string()
    places: dict[str, int] = {}
    for rows in export.blocks("GENERIC_EVENTS", types, "1" if by_time else ""):
        found: list[tuple[int, int]] = []
        values: list[float] = []
        for index, text in enumerate(rows.column("data").to_pylist()):
            for name, number in _object(export, text).items():
                if name not in places:
                    places[name] = place(name)
                if places[name] >= 0:
                    found.append((index, places[name]))
                    values.append(_number(export, name, number))
        at, placed = np.asarray(found, dtype=np.int64).reshape(-1, 2).T
        type_id, time = int64_column(rows, "typeId"), int64_column(rows, _TIME, _NO_TIME)
        yield Readings(type_id[at], time[at], placed, np.asarray(values, dtype=np.float64))


def _object(export: NsysExport, text: str | None) -> dict[str, Any]:
    try:
        body = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{export.path}: GENERIC_EVENTS.data is not JSON: {error}") from error
    return body if isinstance(body, dict) else {}


def _number(export: NsysExport, name: str, number: object) -> float:
    try:
        return float(str(number))
    except ValueError:
        raise BadInput(f"{export.path}: GPU metric {name!r} holds {number!r}, no number") from None


def _from_fields(export: NsysExport, strings: dict[int, str], place: Place) -> Iterator[Readings]:
    """Read one row per field of an event; the field's type says which column holds its value."""
    fields = {key: place(name) for key, (name, _) in _fields(export, strings).items()}
    if not any(where >= 0 for where in fields.values()):
        return
    keys = dict.fromkeys(["genericEventId", _TIME, "typeId"], pa.int64())
    events = export.bulk("GENERIC_EVENTS", keys)
    ids = int64_column(events, "genericEventId")
    order = np.argsort(ids)
    type_id, time = int64_column(events, "typeId"), int64_column(events, _TIME, _NO_TIME)
    columns: dict[str, pa.DataType] = dict.fromkeys(["genericEventId", "fieldIdx"], pa.int64())
    columns |= dict.fromkeys(_VALUES, pa.float64())
    for data in export.blocks("GENERIC_EVENT_DATA", columns) if len(ids) else ():
        wanted = int64_column(data, "genericEventId")
        at = order[np.minimum(np.searchsorted(ids[order], wanted), len(ids) - 1)]
        found = np.flatnonzero(ids[at] == wanted)
        event, field = at[found], int64_column(data, "fieldIdx")[found]
        places = np.full(len(found), -1, dtype=np.int64)
        for (of_type, of_field), where in fields.items():
            places[(type_id[event] == of_type) & (field == of_field)] = where
        value = pc.coalesce(
            *(data.column(n) for n in ("intVal", "uintVal", "floatVal", "doubleVal"))
        )
        values = value.combine_chunks().to_numpy(zero_copy_only=False)[found]
        places[np.isnan(values)] = -1
        yield Readings(type_id[event], time[event], places, values)


def _fields(export: NsysExport, strings: dict[int, str]) -> dict[tuple[int, int], tuple[str, int]]:
    """Name and number type of each field, by type id and place in the event."""
    rows = export.read("GENERIC_EVENT_TYPE_FIELDS", ["typeId", "fieldIdx", "fieldNameId", "type"])
    return {
        (row["typeId"], row["fieldIdx"]): (strings.get(row["fieldNameId"], ""), row["type"])
        for row in rows.to_pylist()
        if row["typeId"] is not None and row["fieldIdx"] is not None
    }
