"""The raw pages of an Nsight Compute CSV as the table `counters`, in base units."""

import math
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa

from ...store.errors import BadInput, shortened
from ...store.tables.parquet import table_from_columns
from ..messages import Refusal, TraceWarning
from .hints import EXPORT_HINT, PLAIN_NUMBERS_HINT
from .nulls import Nulls, listed
from .numbers import MetricColumn, Style, UnclearNumbers, number_style, value_of
from .pages import DESCRIPTIONS, Page, PageFile, read_pages
from .units import units_factor

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
_KEPT: Final = frozenset(metric for metric, _ in METRICS.values())
# A value and, in brackets behind it, the values of its instances: "12 (3; 4; 5)".
_INSTANCES: Final = re.compile(r"(\S.*?) \(.*\)", re.DOTALL)


class Counters(NamedTuple):
    """The table `counters`, and sentences to warn the user with."""

    table: pa.Table
    warnings: tuple[str, ...]


def read_ncu(path: Path, unit: str | None = None, scenario_key: str | None = None) -> Counters:
    """Read raw pages as `counters`, with `unit` and `scenario_key` in every row.

    A metric that a page lacks is null. So are, with a warning that counts them, metrics in a unit
    that is not known and cells that hold no number, or one that ncu marks by "(!)". Rows that are
    not whole are left out, with a warning, and so are pages of which it is not certain how they
    write numbers. Raises BadInput where the file holds no raw page or no whole row, or where no
    page with rows is certain.
    """
    file = read_pages(path)
    if file.damaged and not any(page.rows for page in file.pages):
        raise BadInput(f"{path} {Refusal.CUT_SHORT}: {_damaged(file)}", hint=EXPORT_HINT)
    pages, unclear = _certain_pages(path, file.pages)
    rows = [row for page, _ in pages for row in page.rows]
    nulls = Nulls()
    columns: dict[str, list[Any]] = {
        "recording": [unit] * len(rows),
        "scenario_key": [scenario_key] * len(rows),
        "launch": [row.launch for row in rows],
        "kernel": [page.kernel(row) for page, _ in pages for row in page.rows],
        **{column: [] for column in METRICS},
    }
    for page, style in pages:
        for column, (metric, base) in METRICS.items():
            columns[column] += _values(page, metric, base, style, nulls)
    table = table_from_columns("counters", columns)
    warnings = [*nulls.warnings(), *unclear, *left_out(file)]
    if rows and not any(_KEPT.intersection(page.names) for page, _ in pages):
        warnings.append(f"none of the page's metrics {TraceWarning.NO_KNOWN_METRIC}")
    return Counters(table, tuple(f"{path.name}: {warning}" for warning in warnings))


def _certain_pages(path: Path, pages: list[Page]) -> tuple[list[tuple[Page, Style]], Iterator[str]]:
    """Pages whose way to write numbers is certain, each with it, and a warning of the others.

    A page does not decide for another: files of two machines may have been joined. Raises BadInput
    where no page with rows is certain.
    """
    certain: list[tuple[Page, Style]] = []
    unclear: list[tuple[Page, UnclearNumbers]] = []
    for page in pages:
        kept, others = (_metric_columns(page, kept=kept) for kept in (True, False))
        try:
            certain.append((page, number_style(kept, others)))
        except UnclearNumbers as reason:
            unclear.append((page, reason))
    if unclear and not any(page.rows for page, _ in certain):
        raise BadInput(f"{path} {unclear[0][1]}", hint=PLAIN_NUMBERS_HINT)
    return certain, _unclear_rows(unclear)


def _unclear_rows(unclear: list[tuple[Page, UnclearNumbers]]) -> Iterator[str]:
    if unclear:
        rows = sum(len(page.rows) for page, _ in unclear)
        yield f"{rows} {TraceWarning.PAGE_UNCLEAR} {listed(str(reason) for _, reason in unclear)}"


def _metric_columns(page: Page, *, kept: bool) -> Iterator[MetricColumn]:
    """Columns of the metrics that are kept, or of the others."""
    for at, metric in enumerate(page.names):
        if metric not in DESCRIPTIONS and (metric in _KEPT) == kept:
            first_lines = {row.cells[at]: row.line for row in reversed(page.rows)}
            lines = {_without_instances(cell): first_lines[cell] for cell in reversed(first_lines)}
            yield MetricColumn(metric, page.units[at], lines, kept)


def _values(page: Page, metric: str, base: str, style: Style, nulls: Nulls) -> list[float | None]:
    """Values of a metric in its base unit, one per row of the page; `nulls` counts the lacking."""
    if metric not in page.names:
        return [None] * len(page.rows)
    at = page.names.index(metric)
    factor = units_factor(page.units[at], base)
    values: list[float | None] = []
    for row in page.rows:
        number = value_of(_without_instances(row.cells[at]), style)
        value = None if number is None else _valid(number * (factor or 1), base)
        if value is None:
            nulls.cell(metric, shortened(row.cells[at].strip()))
        elif factor is None:
            nulls.unit(metric, page.units[at], base)
        values.append(None if factor is None else value)
    return values


def _valid(number: Decimal, base: str) -> float | None:
    """Turn a metric's number into a float; None where it is negative or beyond a float's range.

    ncu gives percentages such as -0.07.
    """
    value = float(number)
    in_range = math.isfinite(value) and bool(value) == bool(number)
    return value if in_range and (number >= 0 or base == "%") else None


def _without_instances(cell: str) -> str:
    """Text of a cell without the values of its parts, which stand in brackets behind it."""
    text = cell.strip()
    found = _INSTANCES.fullmatch(text) if text.endswith(")") else None
    return found[1] if found else text


def left_out(file: PageFile) -> Iterator[str]:
    """Say what of a file is not in the table."""
    if file.damaged:
        yield f"{len(file.damaged)} {TraceWarning.ROWS_NOT_WHOLE}: {_damaged(file)}"
    if file.other_lines:
        lines = listed(map(str, file.other_lines))
        yield f"{len(file.other_lines)} {TraceWarning.LINES_BETWEEN_ROWS}: line {lines}"
    if file.said:
        yield f"{TraceWarning.NCU_SAID}: {listed(map(shortened, file.said))}"
    if file.foreign_bytes:
        yield f"{file.foreign_bytes} {TraceWarning.READ_AS_LATIN_1}"


def _damaged(file: PageFile) -> str:
    return listed(f"line {line} {fault}" for line, fault in file.damaged)
