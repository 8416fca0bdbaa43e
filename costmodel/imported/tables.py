"""Public tables of measurements as points: checked, and with roles as in our own runs.

A reader of one source gives `Imported` rows; everything after that is the same for all sources.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import pyarrow as pa

from ...device.peaks import data_sheet
from ...store.cost_model import Origin, Peaks
from ...store.errors import BadInput
from ...store.plan import Role
from ...store.provenance import EnergySource, Provenance
from ...store.recording import sha256_of
from ...store.scenario import BURST, SUSTAINED, Scenario
from ...store.tables.parquet import table_from_columns
from ...store.tables.schemas import SCHEMAS
from ..gate import check_row, floors_us
from .power_gate import MAX_POWER, judge_power

NO_POWER: Final = "the table holds no power"
NO_POWER_HERE: Final = "the table holds no power of this batch size"
_RESERVED: Final = 8  # sizes held out, and as many for calibration
_MAX_REFUSED: Final = 0.05
_LAUNCH_US: Final = 10.0  # what a call may take beside its work
_MAX_SLOWER: Final = 100.0  # no table is as slow as this at its best: units differ by 1000


@dataclass(frozen=True, slots=True)
class Imported:
    """One row of a public table: the operation, its latency in us and its mean power in W.

    `has_power` says whether the table has a column of power; `power_w` is None where the row has no
    usable value in it. `place` is that of the latency: file, column and row.
    """

    scenario: Scenario
    latency_us: float
    power_w: float | None = None
    has_power: bool = False
    place: str = "a row"


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """The rows of one source, on one GPU with one version of its software.

    Latencies are positive and finite. `remarks` say what the reader left out.
    """

    rows: tuple[Imported, ...]
    gpu: str
    versions: dict[str, str]
    origin: Origin
    remarks: tuple[str, ...] = ()


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
    withheld; a size that was measured more than once counts with its median. Of each curve of 24
    sizes or more, eight are held out and eight calibrate.

    Raises BadInput where more than 5 % of the rows are faster than the GPU can be, and where all
    are 100 times slower.
    """
    kept, remarks = _possible_rows(table)
    curves, repeated = _by_curve(kept)
    remarks = [*table.remarks, *remarks, *repeated, *_short_curves(curves), *_no_powers(kept)]
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
    if peaks is None:
        no_sheet = f"no data sheet of {table.gpu} is known: no row was held against a roofline"
        return list(table.rows), [no_sheet]
    _refuse_too_slow(table, peaks)
    kept: list[Imported] = []
    refused: list[tuple[float, str]] = []
    for row in table.rows:
        scenario = row.scenario
        work = scenario.flops, scenario.bytes_moved
        refusal = check_row(row.latency_us, *work, peaks, dtype=scenario.dtype)
        if refusal is None:
            kept.append(row)
        else:
            sentence = f"{row.place}: {refusal.sentence(scenario.key)}"
            refused.append((refusal.too_fast_by, sentence))
    if len(refused) > _MAX_REFUSED * len(table.rows):
        raise BadInput(
            f"{len(refused)} of {len(table.rows)} rows are faster than {table.gpu} can be: "
            f"{max(refused)[1]}",
            hint="the table is not what it says: look at its unit, its dtype and its GPU",
        )
    return kept, [f"{len(refused)} rows left out: {max(refused)[1]}"] if refused else []


def _refuse_too_slow(table: ImportedTable, peaks: Peaks) -> None:
    """Refuse a table whose best row takes 100 times its roofline and a launch: us taken for ms."""

    def slower_by(row: Imported) -> float:
        scenario = row.scenario
        work = scenario.flops, scenario.bytes_moved
        return row.latency_us / (max(floors_us(*work, peaks, dtype=scenario.dtype)) + _LAUNCH_US)

    best = min(table.rows, key=slower_by)
    if slower_by(best) > _MAX_SLOWER:
        raise BadInput(
            f"{best.place}: {best.scenario.key} took {best.latency_us:.6g} us,"
            f" {slower_by(best):.0f} times what {table.gpu} needs, and no row is nearer to it",
            hint="the table is not what it says: its times may be in us in place of ms",
        )


def _by_curve(rows: Iterable[Imported]) -> tuple[Curves, list[str]]:
    """Rows by curve and batch size, and remarks on sizes that were measured more than once."""
    measured: defaultdict[str, defaultdict[int, list[Imported]]]
    measured = defaultdict(lambda: defaultdict(list))
    for row in rows:
        measured[row.scenario.curve][row.scenario.tokens].append(row)
    curves = {
        curve: {tokens: _median_row(repeats) for tokens, repeats in sizes.items()}
        for curve, sizes in measured.items()
    }
    repeated = [each for sizes in measured.values() for each in sizes.values() if len(each) > 1]
    return curves, _repeats(repeated) if repeated else []


def _median_row(repeats: Sequence[Imported]) -> Imported:
    """One row for the measurements of one size: medians of latency and power.

    The power is None where one of them has none, or where they differ by more than 10 %.
    """
    if len(repeats) == 1:
        return repeats[0]
    powers_w = [row.power_w for row in repeats if row.power_w is not None]
    agreed = len(powers_w) == len(repeats) and max(powers_w) <= (1 + MAX_POWER) * min(powers_w)
    return replace(
        repeats[0],
        latency_us=median(row.latency_us for row in repeats),
        power_w=median(powers_w) if agreed else None,
    )


def _repeats(repeated: Sequence[Sequence[Imported]]) -> list[str]:
    """Remarks on sizes that were measured more than once: the published tables have thousands."""

    def apart(repeats: Sequence[Imported]) -> float:
        times_us = [row.latency_us for row in repeats]
        return max(times_us) / min(times_us) - 1

    worst = max(repeated, key=apart)
    remarks = [
        f"{len(repeated)} sizes were measured more than once, {median(map(apart, repeated)):.1%}"
        f" apart in the median and {apart(worst):.1%} at most ({worst[0].place}): the median counts"
    ]
    disputed = sum(
        _median_row(one).power_w is None and any(r.power_w for r in one) for one in repeated
    )
    if disputed:
        remarks.append(f"{disputed} of those sizes have powers that do not agree: none is used")
    return [each.replace("%", " %") for each in remarks]


def _short_curves(curves: Curves) -> list[str]:
    """A remark on curves of one batch size, of which no model can be made."""
    short = [curve for curve, sizes in curves.items() if len(sizes) == 1]
    if not short:
        return []
    left = "" if len(short) < len(curves) else "; no curve is left"
    return [
        f"{len(short)} of {len(curves)} curves dropped, for a curve needs two batch sizes:"
        f" {short[0]} has {next(iter(curves[short[0]]))} alone{left}"
    ]


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
