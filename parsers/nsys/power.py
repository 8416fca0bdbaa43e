"""Power in an nsys export: samples that its nvml_metrics plugin left among the generic events.

No public export with such rows was found. NVIDIA's user guide gives milliwatts and degrees
Celsius; public scripts that read such files name the fields "Power" and "Temperature". GPU_METRICS
has neither. The plugin calls nvmlDeviceGetPowerUsage, which gives instant power on some GPUs and
the mean of the last second on others: a field named just "Power" does not say which.
"""

import json
import re
from enum import IntEnum
from typing import Final

import numpy as np
import pyarrow as pa

from ...stats.arrays import Float64, Int64
from ...store.provenance import EnergySource
from ...store.tables.parquet import table_from_columns
from .clock import SessionClock
from .export import NsysExport
from .gpu_metric_layouts import NOT_WANTED, Readings, read_layouts
from .kernels import only_gpu


class Quantity(IntEnum):
    """A field of a power sample; of several powers the first one here is used."""

    INSTANT_POWER = 0
    POWER = 1
    AVERAGE_POWER = 2
    TEMPERATURE = 3
    GPU = 4


_POWERS: Final = (Quantity.INSTANT_POWER, Quantity.POWER, Quantity.AVERAGE_POWER)
_DRAW: Final = "power( usage| draw)?"
_PATTERNS: Final = {
    Quantity.INSTANT_POWER: f"(gpu )?(instant(aneous)? {_DRAW}|{_DRAW} instant(aneous)?)",
    Quantity.POWER: f"(gpu )?{_DRAW}",
    Quantity.AVERAGE_POWER: f"(gpu )?(average {_DRAW}|{_DRAW} average)",
    Quantity.TEMPERATURE: "(gpu )?temperature",
    Quantity.GPU: "(gpu|device)[ _]?(id|index)",
}
_MAX_W: Final = 3000.0  # no board draws more, and none draws less than as many milliwatts


def read_power_samples(
    export: NsysExport, strings: dict[int, str], clock: SessionClock
) -> pa.Table | None:
    """Read `power_samples`, ordered by time; None where the plugin was not on.

    The GPU is the one that an event names, else the only one of the machine, else null. Raises
    BadInput where an event is damaged.
    """
    if not _may_hold_power(export, strings):
        return None
    layouts = read_layouts(export, strings, clock, power_quantity)
    pieces = [piece for piece in layouts if np.isin(piece.quantity, _POWERS).any()]
    if not pieces:
        return None
    time_ns, quantities = _events(pieces)
    power, kind = _power(quantities)
    columns = {
        "gpu": pa.array(_gpu(export, quantities[Quantity.GPU]), from_pandas=True),
        "time_ns": clock.since_epoch(time_ns),
        "source": [EnergySource.NSYS_NVML] * len(power),
        "power_w": power / 1000 if power.max() > _MAX_W else power,
        "averaged": pa.array(kind == Quantity.AVERAGE_POWER, mask=kind == Quantity.POWER),
        "temp_c": pa.array(quantities[Quantity.TEMPERATURE], from_pandas=True),
    }
    return table_from_columns("power_samples", columns)


def _may_hold_power(export: NsysExport, strings: dict[int, str]) -> bool:
    """Whether the description of any event type names a power, else no event needs reading."""
    types = export.read("GENERIC_EVENT_TYPES", [], ["data"]).column("data").to_pylist()
    ids = export.read("GENERIC_EVENT_TYPE_FIELDS", ["fieldNameId"]).column("fieldNameId")
    fields = [_field_names(text) for text in types]
    fields += [[strings.get(each, "")] for each in ids.drop_null().to_pylist() if each is not None]
    names = [name for each in fields if each is not None for name in each]
    return not fields or None in fields or any(power_quantity(name) in _POWERS for name in names)


def _field_names(text: str | None) -> list[str] | None:
    """Names in {"Fields": [{"Name": name}]}, which describes an event type; None for other text."""
    try:
        fields = json.loads(text or "")["Fields"]
        return [str(field["Name"]) for field in fields]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _events(pieces: list[Readings]) -> tuple[Int64, Float64]:
    """Times int64 [n] of the events that hold power, and their quantities [5, n], NaN for none."""
    key = np.concatenate([np.stack([piece.time_ns, piece.type_id]) for piece in pieces], axis=1)
    quantity = np.concatenate([piece.quantity for piece in pieces])
    value = np.concatenate([piece.value for piece in pieces])
    events, column = np.unique(key, axis=1, return_inverse=True)
    quantities = np.full((len(Quantity), events.shape[1]), np.nan)
    quantities[quantity, column.ravel()] = value
    has_power = ~np.isnan(quantities[list(_POWERS)]).all(axis=0)
    return events[0][has_power], quantities[:, has_power]


def _power(quantities: Float64) -> tuple[Float64, Int64]:
    """Power of each event, and which Quantity it is: the first of `_POWERS` that is known."""
    kind = np.argmin(np.isnan(quantities[list(_POWERS)]), axis=0)
    return quantities[kind, np.arange(len(kind))], kind


def _gpu(export: NsysExport, named: Float64) -> Float64:
    """Id of the GPU of each event; NaN where it is not known or no valid id."""
    only = only_gpu(export)
    if np.isnan(named).all() and only is not None:
        named = np.full(len(named), float(only))
    is_id = (named >= 0) & (named < 256) & (named == np.floor(named))
    return np.where(is_id, named, np.nan)


def power_quantity(name: str) -> int:
    """The Quantity of a power sample that a field's name stands for; NOT_WANTED for none."""
    label, bracket, unit = name.strip().lower().partition("[")
    if bracket and not unit.endswith("]"):
        return NOT_WANTED
    label = label.rstrip()
    found = [quantity for quantity, form in _PATTERNS.items() if re.fullmatch(form, label)]
    return found[0] if found else NOT_WANTED
