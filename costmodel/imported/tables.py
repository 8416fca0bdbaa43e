"""Public tables of measurements as points: read, gated, and split into roles like our own.

A reader of one source gives `Imported` rows; from there on all sources are alike.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ...device.peaks import data_sheet
from ...store.cost_model import Origin
from ...store.errors import BadInput
from ...store.plan import Role
from ...store.provenance import Provenance
from ...store.recording import sha256_of
from ...store.scenario import Scenario
from ...store.table_schemas import SCHEMAS
from ...store.tables import table_from_columns
from ..gate import check_row
from .power_gate import judge_power

_SPARED: Final = 8
_MAX_REFUSED: Final = 0.05
_NO_POWER: Final = "the table holds no power"


@dataclass(frozen=True, slots=True)
class Imported:
    """One row of a public table: what was measured, how long it took, and its mean power in W."""

    scenario: Scenario
    latency_us: float
    power_w: float | None = None
    kernel: str | None = None


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """The rows of one source, on one GPU under one software."""

    rows: tuple[Imported, ...]
    gpu: str
    versions: dict[str, str]
    origin: Origin


def origin_of(project: str, commit: str, licence: str, files: Sequence[Path]) -> Origin:
    """Say whose measurements these are, with the digests of the files."""
    return Origin(project, commit, licence, {path.name: sha256_of(path) for path in files})


def points_of(table: ImportedTable, *, seed: int = 0) -> tuple[pa.Table, Origin]:
    """Turn imported rows into a table of points; say in the origin's remarks what was left out.

    Rows faster than the roofline are left out and counted; power that fails the quality gate is
    withheld. Of each curve of 24 sizes or more, eight are held out and eight calibrate.

    Raises BadInput where there is no row, where a latency is not positive, where one size stands
    twice with different latencies, and where more than 5 % of the rows are faster than they can be.
    """
    if not table.rows:
        raise BadInput(
            "the tables hold no row for what was asked", hint="name another GPU or dtype"
        )
    kept, remarks = _gated(table)
    of_curve: defaultdict[str, dict[int, Imported]] = defaultdict(dict)
    for row in kept:
        scenario = row.scenario
        first = of_curve[scenario.curve].setdefault(scenario.tokens, row)
        if first.latency_us != row.latency_us:
            raise BadInput(
                f"{scenario.curve} stands twice at batch size {scenario.tokens}: "
                f"{first.latency_us:.6g} and {row.latency_us:.6g} us",
                hint="import one version of one framework at a time",
            )
    reason, metered = _power(of_curve)
    if reason is not None and reason != _NO_POWER:
        remarks.append(reason)
    rows = []
    for curve, sizes in sorted(of_curve.items()):
        roles = _roles(curve, sorted(sizes), seed)
        rows += [_point(sizes[size], roles, reason, metered) for size in sorted(sizes)]
    names = SCHEMAS["points"].names
    columns = {name: [row.get(name) for row in rows] for name in names}
    return table_from_columns("points", columns), replace(table.origin, remarks=tuple(remarks))


def provenance_of(table: ImportedTable) -> Provenance:
    """Provenance of imported points: the GPU that the source names; nothing of this machine."""
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


def _gated(table: ImportedTable) -> tuple[list[Imported], list[str]]:
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


def _power(curves: dict[str, dict[int, Imported]]) -> tuple[str | None, bool]:
    """Say why energy is withheld, None where it is not; and whether there was any power."""
    known = [
        [(size, row.latency_us, row.power_w) for size, row in rows.items() if row.power_w]
        for rows in curves.values()
    ]
    if not any(known):
        return _NO_POWER, False
    verdict = judge_power(known)
    return (None if verdict.trusted else verdict.reason), True


def _roles(curve: str, sizes: Sequence[int], seed: int) -> dict[int, Role]:
    """Draw hold-out and calibration from the inner sizes of a curve that can spare them."""
    if len(sizes) < 3 * _SPARED:
        return {}
    drawn = random.Random(f"{seed} {curve} import").sample(list(sizes[1:-1]), 2 * _SPARED)
    roles = dict.fromkeys(drawn[:_SPARED], Role.HOLDOUT)
    return roles | dict.fromkeys(drawn[_SPARED:], Role.CALIBRATION)


def _point(
    row: Imported, roles: dict[int, Role], reason: str | None, metered: bool
) -> dict[str, Any]:
    scenario = row.scenario
    fields = ("op", "dtype", "tokens", "flops", "bytes_moved", "l2", "weight_bits", "group_size")
    point = {name: getattr(scenario, name) for name in fields}
    point |= {name: getattr(scenario, name) for name in ("experts", "active_experts", "top_k")}
    energy_mj = None
    if metered and reason is None and row.power_w is not None:
        energy_mj = row.power_w * row.latency_us / 1000
    return point | {
        "scenario_key": scenario.key,
        "curve": scenario.curve,
        "shape": list(scenario.shape),
        "regime": "sustained" if metered else "burst",
        "role": roles.get(scenario.tokens, Role.FIT),
        "latency_us": row.latency_us,
        "latency_source": "kernel",
        "power_w": None if energy_mj is None else row.power_w,
        "energy_mj": energy_mj,
        "energy_source": "unavailable" if energy_mj is None else "imported",
        "energy_reason": (reason or _NO_POWER) if energy_mj is None else None,
    }


def only(found: Counter[str], what: str, hint: str) -> str:
    """Give the one value of a column. Raises BadInput where there are several."""
    if len(found) != 1:
        values = ", ".join(sorted(found)) or "none"
        raise BadInput(f"the tables hold {len(found)} values of {what}: {values}", hint=hint)
    return next(iter(found))
