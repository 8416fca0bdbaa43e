"""The three layouts in which nsys exports sampled quantities, read into one form.

table       GPU_METRICS + TARGET_INFO_GPU_METRICS               from 2023
JSON        GENERIC_EVENTS.data, one object a sample            the only one up to 2022.4
normalised  GENERIC_EVENT_DATA + GENERIC_EVENT_TYPE_FIELDS      from about 2024.5

The first two were seen in exports of one report by three versions of nsys; the third stands in
NVIDIA's schema reference of 2026.4, and no file with it was found.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...stats.arrays import Float64, Int64
from ..events import int64_column
from ..messages import TraceWarning
from .clock import MAX_SESSION_NS, SAMPLE_TIME, SessionClock
from .export import NsysExport

# Maps a metric's name to the caller's number for it, -1 for a metric that is not wanted.
QuantityOf = Callable[[str], int]
NOT_WANTED: Final = -1

_FLOAT: Final = 2  # a value of ENUM_NSYS_GENERIC_EVENT_FIELD_TYPE
_LEAST_INT32: Final = int(np.iinfo(np.int32).min)
_NO_TIME: Final = int(np.iinfo(np.int64).min)
_VALUES: Final = ("intVal", "uintVal", "floatVal", "doubleVal")


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Values of one quantity at one time each, arrays [n].

    `time_ns` is session time in what `read_layouts` yields; before that it is the export's own,
    _NO_TIME for none. `type_id` identifies the GPU and its set of metrics; `quantity` is the
    caller's number.
    """

    type_id: Int64
    time_ns: Int64
    quantity: Int64
    value: Float64

    def named(self) -> "Readings":
        """Return the readings of wanted quantities."""
        return self._kept(self.quantity != NOT_WANTED)

    def within(self, clock: SessionClock) -> "Readings":
        """Return the readings from within the session, in session time."""
        time_ns = clock.since_start(self.time_ns)
        kept = (self.time_ns != _NO_TIME) & (time_ns >= 0) & (time_ns <= MAX_SESSION_NS)
        return Readings(self.type_id, time_ns, self.quantity, self.value)._kept(kept)

    def _kept(self, kept: "npt.NDArray[np.bool_]") -> "Readings":
        return self if kept.all() else self.take(np.flatnonzero(kept))

    def by_type(self) -> Iterator[tuple[int, "Readings"]]:
        """Yield the readings of each type."""
        types = _distinct(self.type_id)
        for one in sorted(types):
            yield one, self if len(types) == 1 else self.take(self.type_id == one)

    def take(self, index: Any) -> "Readings":
        """Return the readings at `index`."""
        return Readings(
            self.type_id[index], self.time_ns[index], self.quantity[index], self.value[index]
        )


def _distinct(values: Int64) -> set[int]:
    all_equal = len(values) and (values.strides == (0,) or (values == values[0]).all())
    return {int(values[0])} if all_equal else set(np.unique(values).tolist())


def read_layouts(
    export: NsysExport,
    strings: dict[int, str],
    clock: SessionClock,
    quantity_of: QuantityOf,
    by_time: bool = False,
) -> Iterator[Readings]:
    """Yield wanted readings from the first layout that holds any; others repeat the same values.

    Pieces come in the order of the file, or sorted by time where `by_time` is set. Raises BadInput
    where the file is damaged.
    """
    for readings in (
        _from_table(export, strings, quantity_of, by_time),
        _from_json(export, quantity_of, by_time),
        _from_fields(export, strings, quantity_of),
    ):
        found = False
        for piece in readings:
            named = piece.named()
            wanted = named.within(clock)
            export.left_out[TraceWarning.SAMPLES_LEFT_OUT] += len(named.value) - len(wanted.value)
            if len(wanted.value):
                found = True
                yield wanted
        if found:
            return


class _Metric(NamedTuple):
    """A metric of GPU_METRICS; `is_float`: its integer values are the bits of a float32."""

    metric_id: int
    quantity: int
    is_float: bool

    @property
    def is_wanted(self) -> bool:
        return self.quantity != NOT_WANTED


def _from_table(
    export: NsysExport, strings: dict[int, str], quantity_of: QuantityOf, by_time: bool
) -> Iterator[Readings]:
    """Read GPU_METRICS by (typeId, metricId): a metric's id is unique within its type only."""
    metrics = _named_metrics(export, strings, quantity_of)
    wanted = {one for one, named in metrics.items() if any(each.is_wanted for each in named)}
    if not wanted:
        return
    types = dict.fromkeys(["typeId", "metricId", "value", SAMPLE_TIME], pa.int64())
    for rows in export.blocks("GPU_METRICS", types, SAMPLE_TIME if by_time else ""):
        type_id = int64_column(rows, "typeId")
        for one in _distinct(type_id):
            here = type_id == one
            if one in wanted:
                of_type = rows if here.all() else rows.filter(pa.array(here))
                yield _of_type(export, of_type, one, metrics[one])
            elif one not in metrics:
                export.left_out[TraceWarning.UNNAMED_METRICS] += int(np.count_nonzero(here))


def _named_metrics(
    export: NsysExport, strings: dict[int, str], quantity_of: QuantityOf
) -> dict[int, list[_Metric]]:
    """Metrics of each typeId, those too that are not wanted."""
    fields = _fields(export, strings).items()
    floats = {(type_id, name) for (type_id, _), (name, kind) in fields if kind == _FLOAT}
    metrics: dict[int, list[_Metric]] = {}
    names = export.read("TARGET_INFO_GPU_METRICS", ["typeId", "metricId"], ["metricName"])
    for row in names.to_pylist():
        name, type_id, metric_id = row["metricName"], row["typeId"], row["metricId"]
        if None not in row.values():
            metric = _Metric(metric_id, quantity_of(name), (type_id, name) in floats)
            metrics.setdefault(type_id, []).append(metric)
    return metrics


def _of_type(export: NsysExport, rows: pa.Table, type_id: int, metrics: list[_Metric]) -> Readings:
    """Read rows of GPU_METRICS that all have one typeId."""
    ids = pa.array([metric.metric_id for metric in metrics], pa.int64())
    index: Any = pc.index_in(rows.column("metricId"), value_set=ids)
    export.left_out[TraceWarning.UNNAMED_METRICS] += index.null_count
    found = np.asarray(index.combine_chunks().fill_null(-1))
    quantities = np.asarray([*(metric.quantity for metric in metrics), NOT_WANTED], dtype=np.int64)
    quantity = quantities[found]
    if rows.column("value").null_count:
        lost = ~np.asarray(rows.column("value").is_valid()) & (quantity != NOT_WANTED)
        export.left_out[TraceWarning.SAMPLES_WITHOUT_VALUE] += int(np.count_nonzero(lost))
        quantity[lost] = NOT_WANTED
    time = int64_column(rows, SAMPLE_TIME, _NO_TIME)
    value = _decoded(int64_column(rows, "value"), found, metrics)
    return Readings(np.broadcast_to(np.int64(type_id), len(time)), time, quantity, value)


def _decoded(
    stored: Int64, found: "npt.NDArray[Any]", metrics: list[_Metric]
) -> "npt.NDArray[np.float64]":
    """Values from GPU_METRICS.value: wrapped int32 are unwrapped, bits of floats are read."""
    if (stored < 0).any():
        stored = np.where((stored < 0) & (stored >= _LEAST_INT32), stored & 0xFFFFFFFF, stored)
    value = stored.astype(np.float64)
    for number, metric in enumerate(metrics):
        if metric.is_float:
            here = found == number
            value[here] = (stored[here] & 0xFFFFFFFF).astype(np.uint32).view(np.float32)
    return value


def _from_json(export: NsysExport, quantity_of: QuantityOf, by_time: bool) -> Iterator[Readings]:
    """Read GENERIC_EVENTS.data: one JSON object a sample, metric name to a number as text."""
    types: dict[str, pa.DataType] = {SAMPLE_TIME: pa.int64(), "typeId": pa.int64()}
    types["data"] = pa.string()
    quantities: dict[str, int] = {}
    for rows in export.blocks("GENERIC_EVENTS", types, SAMPLE_TIME if by_time else ""):
        found: list[tuple[int, int]] = []
        values: list[float] = []
        for row, text in enumerate(rows.column("data").to_pylist()):
            for name, number in _object(export, text).items():
                if name not in quantities:
                    quantities[name] = quantity_of(name)
                if quantities[name] != NOT_WANTED:
                    found.append((row, quantities[name]))
                    values.append(_number(export, number))
        at, quantity = np.asarray(found, dtype=np.int64).reshape(-1, 2).T
        value = np.asarray(values, dtype=np.float64)
        quantity = np.where(np.isfinite(value), quantity, NOT_WANTED)
        type_id, time = int64_column(rows, "typeId"), int64_column(rows, SAMPLE_TIME, _NO_TIME)
        yield Readings(type_id[at], time[at], quantity, value)


def _object(export: NsysExport, text: str | None) -> dict[str, Any]:
    """The object of an event; empty, and counted, where its text is none in JSON."""
    try:
        body = json.loads(text or "{}")
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        return body
    export.bad_cells.add("GENERIC_EVENTS.data", "a JSON object")
    return {}


def _number(export: NsysExport, number: object) -> float:
    """A number that stands in JSON, mostly as text; NaN, and counted, where it is none."""
    try:
        value = float(str(number))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        export.bad_cells.add("GENERIC_EVENTS.data", "a number")
    return value


def _from_fields(
    export: NsysExport, strings: dict[int, str], quantity_of: QuantityOf
) -> Iterator[Readings]:
    """Read GENERIC_EVENT_DATA: one row for each field of an event."""
    fields = {key: quantity_of(name) for key, (name, _) in _fields(export, strings).items()}
    if all(quantity == NOT_WANTED for quantity in fields.values()):
        return
    events = _Events.read(export)
    if not len(events.event_id):
        return
    types: dict[str, pa.DataType] = dict.fromkeys(["genericEventId", "fieldIdx"], pa.int64())
    types |= dict.fromkeys(_VALUES, pa.float64())
    for data in export.blocks("GENERIC_EVENT_DATA", types):
        yield _of_fields(data, events, fields)


@dataclass(frozen=True, slots=True, eq=False)
class _Events:
    """GENERIC_EVENTS sorted by id: int64 arrays [events]."""

    event_id: Int64
    type_id: Int64
    time_ns: Int64

    @classmethod
    def read(cls, export: NsysExport) -> "_Events":
        types = dict.fromkeys(["genericEventId", SAMPLE_TIME, "typeId"], pa.int64())
        rows = export.bulk("GENERIC_EVENTS", types)
        event_id = int64_column(rows, "genericEventId")
        order = np.argsort(event_id)
        type_id, time_ns = int64_column(rows, "typeId"), int64_column(rows, SAMPLE_TIME, _NO_TIME)
        return cls(event_id[order], type_id[order], time_ns[order])

    def find(self, event_id: Int64) -> tuple[Int64, Int64]:
        """Return the places of the ids that are known, and the index of each one's event."""
        at = np.minimum(np.searchsorted(self.event_id, event_id), len(self.event_id) - 1)
        known = np.flatnonzero(self.event_id[at] == event_id)
        return known, at[known]


def _of_fields(data: pa.Table, events: _Events, fields: dict[tuple[int, int], int]) -> Readings:
    """Read rows of GENERIC_EVENT_DATA; `fields` maps (typeId, fieldIdx) to the quantity.

    The value is in the column that suits the field's number type; the other three are null.
    """
    rows, event = events.find(int64_column(data, "genericEventId"))
    type_id, field = events.type_id[event], int64_column(data, "fieldIdx")[rows]
    quantity = np.full(len(rows), NOT_WANTED, dtype=np.int64)
    for (field_type_id, field_index), field_quantity in fields.items():
        quantity[(type_id == field_type_id) & (field == field_index)] = field_quantity
    value = pc.coalesce(*(data.column(name) for name in _VALUES)).combine_chunks()
    values = value.to_numpy(zero_copy_only=False)[rows]
    quantity[np.isnan(values)] = NOT_WANTED
    return Readings(type_id, events.time_ns[event], quantity, values)


def _fields(export: NsysExport, strings: dict[int, str]) -> dict[tuple[int, int], tuple[str, int]]:
    """Name and number type of each field of GENERIC_EVENT_TYPE_FIELDS, by (typeId, fieldIdx)."""
    rows = export.read("GENERIC_EVENT_TYPE_FIELDS", ["typeId", "fieldIdx", "fieldNameId", "type"])
    return {
        (row["typeId"], row["fieldIdx"]): (strings.get(row["fieldNameId"], ""), row["type"])
        for row in rows.to_pylist()
        if row["typeId"] is not None and row["fieldIdx"] is not None
    }
