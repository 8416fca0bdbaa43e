"""Public tables of measurements as points: checked, and with roles as in our own runs.

A reader of one source gives `Imported` rows; everything after that is the same for all sources.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pyarrow as pa

from ...device.peaks import data_sheet
from ...store.cost_model import Origin
from ...store.plan import Role
from ...store.provenance import EnergySource, Provenance
from ...store.scenario import BURST, SUSTAINED
from ...store.tables.parquet import table_from_columns
from ...store.tables.schemas import SCHEMAS
from .curves import Curves, by_curve, short_curves
from .possible import possible_rows
from .power_gate import judge_power
from .source_rows import Imported, ImportedTable

NO_POWER: Final = "the table holds no power"
NO_POWER_HERE: Final = "the table holds no power of this batch size"
_RESERVED: Final = 8  # sizes held out, and as many for calibration


@dataclass(frozen=True, slots=True)
class _Power:
    """Whether a table has any power, and why it is withheld; None where it is used."""

    metered: bool
    withheld: str | None


def points_of(table: ImportedTable, *, seed: int = 0) -> tuple[pa.Table, Origin]:
    """A table of points from imported rows, and the origin with remarks on what was left out.

    Rows that `possible_rows` and `by_curve` leave out are counted; power that fails the quality
    gate is withheld. Of each curve of 24 sizes or more, eight are held out and eight calibrate.

    Raises BadInput as `possible_rows` does.
    """
    kept, remarks = possible_rows(table)
    curves, repeated = by_curve(kept)
    remarks = [*table.remarks, *remarks, *repeated, *short_curves(curves), *_no_powers(kept)]
    power = _judged_power(curves)
    if power.withheld is not None and power.withheld != NO_POWER:
        remarks.append(power.withheld)
    rows = []
    for curve, sizes in sorted(curves.items()):
        roles = _roles(curve, sorted(sizes), seed)
        rows += [_point(sizes[size], roles.get(size, Role.FIT), power) for size in sorted(sizes)]
    names = SCHEMAS["points"].names
    columns = {name: [row.get(name) for row in rows] for name in names}
    return table_from_columns("points", columns), replace(table.origin, remarks=tuple(remarks))


def provenance_of(table: ImportedTable) -> Provenance:
    """Provenance of imported points: the GPU that the source names, and nothing of this machine."""
    peaks = data_sheet(table.gpu)
    return Provenance(
        device=table.gpu,
        device_name=table.gpu,
        cache_bytes=None if peaks is None else peaks.cache_bytes,
        cpu_name="unknown",
        cpu_count=1,
        threads=1,
        gpu=None,
        versions=table.versions,
        git_commit=None,
        git_dirty=None,
        host_hash="imported",
        utc="unknown",
    )


def _no_powers(rows: Sequence[Imported]) -> list[str]:
    """A remark on rows without power in a table that has a column of it."""
    metered = [row for row in rows if row.has_power]
    missing = sum(row.power_w is None for row in metered)
    if not missing:
        return []
    return [f"{missing} of {len(metered)} rows have no energy: their power is empty, 0 or less"]


def _judged_power(curves: Curves) -> _Power:
    known = [
        [(size, row.latency_us, row.power_w) for size, row in rows.items() if row.power_w]
        for rows in curves.values()
    ]
    if not any(known):
        return _Power(metered=False, withheld=NO_POWER)
    verdict = judge_power(known)
    return _Power(metered=True, withheld=None if verdict.trusted else verdict.reason)


def _roles(curve: str, sizes: Sequence[int], seed: int) -> dict[int, Role]:
    """Draw hold-out and calibration from the inner sizes of a curve of 24 sizes or more."""
    if len(sizes) < 3 * _RESERVED:
        return {}
    drawn = random.Random(f"{seed} {curve} import").sample(list(sizes[1:-1]), 2 * _RESERVED)
    roles = dict.fromkeys(drawn[:_RESERVED], Role.HOLDOUT)
    return roles | dict.fromkeys(drawn[_RESERVED:], Role.CALIBRATION)


def _point(row: Imported, role: Role, power: _Power) -> dict[str, Any]:
    """Columns of one point."""
    scenario = row.scenario
    energy_mj = None
    why = NO_POWER_HERE if power.metered else NO_POWER
    if power.withheld is None and row.power_w is not None:
        energy_mj = row.power_w * row.latency_us / 1000
    return scenario.op_key(SUSTAINED if power.metered else BURST).columns() | {
        "scenario_key": scenario.key,
        "curve": scenario.curve,
        "tokens": scenario.tokens,
        "flops": scenario.flops,
        "bytes_moved": scenario.bytes_moved,
        "role": role,
        "latency_us": row.latency_us,
        "latency_source": "kernel",
        "power_w": None if energy_mj is None else row.power_w,
        "energy_mj": energy_mj,
        "energy_source": EnergySource.UNAVAILABLE if energy_mj is None else EnergySource.IMPORTED,
        "energy_reason": (power.withheld or why) if energy_mj is None else None,
    }
