"""Power inside an nsys export: what its nvml_metrics plugin left among the generic events.

No public export with such rows has been seen. NVIDIA's guide says milliwatts and degrees Celsius;
readers of such files call the fields "Power" and "Temperature". GPU_METRICS holds neither. The
call behind it gives instant power on some GPUs and the mean of the last second on others: a field
that is called just "Power" does not say which.
"""

import re
from typing import Final

import numpy as np
import pyarrow as pa

from ...store.tables import table_from_columns
from .export import NsysExport
from .gpu_metric_layouts import read_layouts
from .kernels import only_gpu

_INSTANT, _POWER, _AVERAGE, _TEMPERATURE, _GPU = range(5)
_DRAW: Final = "power( usage| draw)?"
_PATTERNS: Final = (
    f"(gpu )?(instant(aneous)? {_DRAW}|{_DRAW} instant(aneous)?)",
    f"(gpu )?{_DRAW}",
    f"(gpu )?(average {_DRAW}|{_DRAW} average)",
    "(gpu )?temperature",
    "(gpu|device)[ _]?(id|index)",
)
_HIGHEST_W: Final = 3000.0  # no board draws as much, and none draws as few milliwatts


def read_power_samples(
    export: NsysExport, strings: dict[int, str], epoch_ns: int
) -> pa.Table | None:
    """Read `power_samples`, ordered by time; None where the plugin was not on.

    A time is session time plus `epoch_ns`. The GPU is the one that an event names, or the only one
    of the machine. Raises BadInput where an event is damaged.
    """
    if not _mentioned(export, strings):
        return None
    pieces = [
        piece
        for piece in read_layouts(export, strings, power_place)
        if (piece.place <= _AVERAGE).any()
    ]
    if not pieces:
        return None
    key = np.concatenate([np.stack([piece.time_ns, piece.type_id]) for piece in pieces], axis=1)
    place = np.concatenate([piece.place for piece in pieces])
    value = np.concatenate([piece.value for piece in pieces])
    events, row = np.unique(key, axis=1, return_inverse=True)
    wide = np.full((len(_PATTERNS), events.shape[1]), np.nan)
    wide[place, row.ravel()] = value
    powered = ~np.isnan(wide[: _AVERAGE + 1]).all(axis=0)
    wide, time_ns = wide[:, powered], events[0][powered]
    kind = np.argmin(np.isnan(wide[: _AVERAGE + 1]), axis=0)  # instant power, where there is that
    power, gpu = wide[kind, np.arange(len(kind))], wide[_GPU]
    if power.max() > _HIGHEST_W:
        power = power / 1000
    only = only_gpu(export)
    if np.isnan(gpu).all() and only is not None:
        gpu = np.full(len(gpu), float(only))
    gpu = np.where((gpu >= 0) & (gpu < 256) & (gpu == np.floor(gpu)), gpu, np.nan)
    columns = {
        "gpu": pa.array(gpu, from_pandas=True),
        "time_ns": time_ns + epoch_ns,
        "source": ["nsys_nvml"] * len(power),
        "power_w": power,
        "averaged": pa.array(kind == _AVERAGE, mask=kind == _POWER),
        "temp_c": pa.array(wide[_TEMPERATURE], from_pandas=True),
    }
    return table_from_columns("power_samples", columns)


def _mentioned(export: NsysExport, strings: dict[int, str]) -> bool:
    """Whether any type of event is described with power: events themselves are many."""
    described = export.read("GENERIC_EVENT_TYPES", [], ["data"]).column("data").to_pylist()
    fields = export.read("GENERIC_EVENT_TYPE_FIELDS", ["fieldNameId"]).column("fieldNameId")
    described += [strings.get(each) for each in fields.drop_null().to_pylist() if each is not None]
    return not described or any("power" in (text or "").lower() for text in described)


def power_place(name: str) -> int:
    """Which quantity of a power sample a field's name stands for; -1 for none."""
    label = re.sub(r"\s*\[[^\]]*\]\s*$", "", name).strip().lower()
    found = [place for place, form in enumerate(_PATTERNS) if re.fullmatch(form, label)]
    return found[0] if found else -1
