"""Public tables of measurements as points: checked, and with roles as in our own runs.

A reader of one source gives `Imported` rows; everything after that is the same for all sources.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ...device.peaks import data_sheet
from ...store.cost_model import Origin
from ...store.errors import BadInput
from ...store.plan import Role
from ...store.provenance import EnergySource, Provenance
from ...store.recording import sha256_of
from ...store.scenario import BURST, SUSTAINED, Scenario
from ...store.tables.parquet import table_from_columns
from ...store.tables.schemas import SCHEMAS
from ..gate import check_row
from .power_gate import judge_power

NO_POWER: Final = "the table holds no power"
_RESERVED: Final = 8  # sizes held out, and as many for calibration
_MAX_REFUSED: Final = 0.05


@dataclass(frozen=True, slots=True)
class Imported:
    """One row of a public table: the operation, its latency in us and its mean power in W."""

    scenario: Scenario
    latency_us: float
    power_w: float | None = None
    kernel: str | None = None


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """The rows of one source, on one GPU with one version of its software."""

    rows: tuple[Imported, ...]
    gpu: str
    versions: dict[str, str]
    origin: Origin


Curves = Mapping[str, Mapping[int, Imported]]  # rows by curve and batch size


@dataclass(frozen=True, slots=True)
class _Power:
    """Whether a table has any power, and why it is withheld; None where it is used."""

    metered: bool
    withheld: str | None


def origin_of(project: str, commit: str, licence: str, files: Sequence[Path]) -> Origin:
    """Name the publisher of measurements, with the digests of the files."""
    return Origin(project, commit, licence, {path.name: sha256_of(path) for path in files})


def points_of(table: ImportedTable, *, seed: int = 0) -> tuple[pa.Table, Origin]:
    """A table of points from imported rows, and the origin with remarks on what was left out.

    Rows faster than the roofline are left out and counted; power that fails the quality gate is
    withheld. Of each curve of 24 sizes or more, eight are held out and eight calibrate.

    Raises BadInput where there is no row, where a latency is not positive, where one size has two
    different latencies, and where more than 5 % of the rows are faster than the GPU can be.
    """
    if not table.rows:
        raise BadInput(
            "the tables hold no row for what was asked", hint="name another GPU or dtype"
        )
    kept, remarks = _possible_rows(table)
    curves = _by_curve(kept)
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


def _possible_rows(table: ImportedTable) -> tuple[list[Imported], list[str]]:
    """The rows that the roofline allows, and remarks on the others."""
    peaks = data_sheet(table.gpu)
    kept: list[Imported] = []
    refused: list[tuple[float, str]] = []
    for row in table.rows:
        scenario = row.scenario
        if not row.latency_us > 0:
            raise BadInput(
                f"the latency of {scenario.key} is {row.latency_us}; it must be positive"
            )
        refusal = None
        if peaks is not None:
            work = scenario.flops, scenario.bytes_moved
            refusal = check_row(row.latency_us, *work, peaks, dtype=scenario.dtype)
        if refusal is None:
            kept.append(row)
        else:
            refused.append((refusal.too_fast_by, refusal.sentence(scenario.key)))
    if len(refused) > _MAX_REFUSED * len(table.rows):
        raise BadInput(
            f"{len(refused)} of {len(table.rows)} rows are faster than {table.gpu} can be: "
            f"{max(refused)[1]}",
            hint="the table is not what it says: look at its unit, its dtype and its GPU",
        )
    remarks = [f"{len(refused)} rows left out: {max(refused)[1]}"] if refused else []
    if peaks is None:
        remarks.append(f"no data sheet of {table.gpu} is known: no row was held against a roofline")
    return kept, remarks


def _by_curve(rows: Iterable[Imported]) -> Curves:
    """Rows by curve and batch size. Raises BadInput for a size with two different latencies."""
    curves: defaultdict[str, dict[int, Imported]] = defaultdict(dict)
    for row in rows:
        curve, tokens = row.scenario.curve, row.scenario.tokens
        first = curves[curve].setdefault(tokens, row)
        if first.latency_us != row.latency_us:
            raise BadInput(
                f"{curve} stands twice at batch size {tokens}: "
                f"{first.latency_us:.6g} and {row.latency_us:.6g} us",
                hint="import one version of one framework at a time",
            )
    return curves


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
        "energy_reason": (power.withheld or NO_POWER) if energy_mj is None else None,
    }


def only(found: Counter[str], what: str, hint: str) -> str:
    """The one value of a column. Raises BadInput where there are several."""
    if len(found) != 1:
        values = ", ".join(sorted(found)) or "none"
        raise BadInput(f"the tables hold {len(found)} values of {what}: {values}", hint=hint)
    return next(iter(found))
