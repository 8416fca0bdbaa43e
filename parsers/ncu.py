"""The raw page of an Nsight Compute CSV as the table `counters`, in base units.

The first row holds names, the second units, and each further row one kernel.
"""

import csv
import re
from pathlib import Path
from typing import Final

import pyarrow as pa

from ..store.errors import BadInput
from ..store.tables.parquet import table_from_columns
from .messages import Refusal

EXPORT_HINT: Final = "export with `ncu --import X.ncu-rep --csv --page raw --print-units base`"

# Column of `counters`: ncu's name of the metric, and its base unit.
METRICS: Final = {
    "duration_ns": ("gpu__time_duration.sum", "ns"),
    "sm_throughput_pct": ("sm__throughput.avg.pct_of_peak_sustained_elapsed", "%"),
    "memory_throughput_pct": (
        "gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed",
        "%",
    ),
    "dram_throughput_pct": ("gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed", "%"),
    "dram_read_bytes": ("dram__bytes_read.sum", "byte"),
    "dram_write_bytes": ("dram__bytes_write.sum", "byte"),
    "l1_hit_pct": ("l1tex__t_sector_hit_rate.pct", "%"),
    "l2_hit_pct": ("lts__t_sector_hit_rate.pct", "%"),
    "achieved_occupancy_pct": ("sm__warps_active.avg.pct_of_peak_sustained_active", "%"),
    "theoretical_occupancy_pct": ("sm__maximum_warps_per_active_cycle_pct", "%"),
    "tensor_active_pct": ("sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active", "%"),
    "sm_clock_hz": ("gpc__cycles_elapsed.avg.per_second", "hz"),
    "dram_clock_hz": ("dram__cycles_elapsed.avg.per_second", "hz"),
    "instructions": ("smsp__inst_executed.sum", "inst"),
    "registers_per_thread": ("launch__registers_per_thread", "register/thread"),
    "waves_per_sm": ("launch__waves_per_multiprocessor", ""),
}
_TIME_IN_NS: Final = {
    "ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9,
    "nsecond": 1.0, "usecond": 1e3, "msecond": 1e6, "second": 1e9,
}  # fmt: skip
_OLD_CLOCK_IN_HZ: Final = {"cycle/second": 1.0, "cycle/usecond": 1e6, "cycle/nsecond": 1e9}
_PREFIXES: Final = {"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}  # decimal: 4.2 Mbyte is 4200000 byte
_NO_DATA: Final = ("", "no data", "n/a", "nan")
_EUROPEAN: Final = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d+)?")
_SWAPPED: Final = str.maketrans(".,", ",.")
_NUMBER: Final = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?([eE][+-]?\d+)?")


def read_ncu(path: Path, unit: str | None = None, scenario_key: str | None = None) -> pa.Table:
    """Read a raw page as `counters`, with `unit` and `scenario_key` in every row.

    A metric that the page lacks, or that has no data, is null. Raises BadInput where the file is
    not a raw page (the details page is refused too), is cut short, or holds an unknown unit or
    something that is no number.
    """
    names, units, rows = _page(path)
    columns: dict[str, list[object]] = {
        "recording": [unit] * len(rows),
        "scenario_key": [scenario_key] * len(rows),
        "launch": list(range(len(rows))),
        "kernel": [row[names.index("Kernel Name")] for row in rows],
    }
    comma = _has_decimal_comma(names, rows)
    for column, (metric, base) in METRICS.items():
        if metric in names:
            place = names.index(metric)
            factor = _factor(path, metric, units[place], base)
            columns[column] = [_number(path, metric, row[place], factor, comma) for row in rows]
    return table_from_columns("counters", columns)


def is_ncu_header(line: str) -> bool:
    """Whether a line is the row of column names of a CSV page of ncu."""
    return line.startswith(('"ID","Process ID"', "ID,Process ID"))


def csv_rows(path: Path) -> list[list[str]]:
    """Rows of any CSV page of ncu, names first, without ncu's messages ("==PROF== ...").

    Raises BadInput where the file is no such page.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except FileNotFoundError:
        raise BadInput(f"{path} {Refusal.MISSING}", hint=EXPORT_HINT) from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is no text file: {error.reason}", hint=EXPORT_HINT) from error
    starts = [place for place, line in enumerate(lines) if is_ncu_header(line)]
    if not starts:
        raise BadInput(f"{path} {Refusal.NOT_NCU_CSV}", hint=EXPORT_HINT)
    table = [line for line in lines[starts[0] :] if not line.startswith("==")]
    try:
        return [row for row in csv.reader(table) if row]
    except csv.Error as error:
        raise BadInput(f"{path} is no CSV: {error}", hint=EXPORT_HINT) from error


def _page(path: Path) -> tuple[list[str], list[str], list[list[str]]]:
    """Names, units, and one row per kernel."""
    names, *rest = csv_rows(path)
    if "Metric Name" in names or "Section Name" in names:
        raise BadInput(f"{path} {Refusal.NCU_DETAILS}", hint=EXPORT_HINT)
    if "Kernel Name" not in names or not rest:
        raise BadInput(f"{path} {Refusal.CUT_SHORT}: it has no row of units", hint=EXPORT_HINT)
    for number, row in enumerate(rest):
        if len(row) != len(names):
            raise BadInput(
                f"{path} {Refusal.CUT_SHORT}:"
                f" row {number + 2} has {len(row)} of {len(names)} cells",
                hint=EXPORT_HINT,
            )
    units, *rows = rest
    return names, units, rows


def _factor(path: Path, metric: str, unit: str, base: str) -> float:
    """Number of base units in one of the page's units."""
    scales = {"ns": _TIME_IN_NS, "hz": _OLD_CLOCK_IN_HZ}.get(base, {})
    if unit in scales:
        return scales[unit]
    if unit.lower() == base:
        return 1.0
    if base in ("byte", "hz", "inst") and unit[1:].lower() == base:
        prefix = unit[0].lower()
        if prefix in _PREFIXES:
            return _PREFIXES[prefix]
    raise BadInput(f"{path}: {metric} is in {unit!r}, and {base!r} was expected", hint=EXPORT_HINT)


def _has_decimal_comma(names: list[str], rows: list[list[str]]) -> bool:
    """Whether the page has decimal commas: some number can only be read so, as "1.234,5"."""
    places = [names.index(metric) for metric, _ in METRICS.values() if metric in names]
    cells = (row[place].strip() for row in rows for place in places)
    return any(_EUROPEAN.fullmatch(cell) and not _NUMBER.fullmatch(cell) for cell in cells)


def _number(path: Path, metric: str, cell: str, factor: float, comma: bool) -> float | None:
    """Number of a cell times `factor`; None for no data. `comma`: decimals follow a comma."""
    text = cell.strip()
    if comma:
        text = text.translate(_SWAPPED)
    if text.lower() in _NO_DATA:
        return None
    if not _NUMBER.fullmatch(text):
        raise BadInput(
            f"{path}: {metric} holds {cell!r}, which is no number with a decimal point",
            hint=f"{EXPORT_HINT}, under LC_ALL=C",
        )
    return float(text.replace(",", "")) * factor
