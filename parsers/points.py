"""Calls to points: one row per scenario, all its visits pooled, or the reason why there is none."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..energy.point_energies import PointEnergies
from ..stats.median import median_interval
from ..store.errors import BadInput
from ..store.plan import Plan, Role
from ..store.recording import CollectorName, Recording
from ..store.scenario import BURST, Scenario
from ..store.table_schemas import SCHEMAS
from ..store.tables import table_from_columns
from .visits import RepeatTimes, visits_by_scenario

SPREAD_LIMIT: Final = 0.20  # interquartile range over median, above which a point is marked

_TIMELESS: Final = (CollectorName.NCU, CollectorName.POWER, CollectorName.THERMAL)
_NO_POWER: Final = "no power was recorded in this run"


def points_table(
    calls: pa.Table, recordings: Sequence[Recording], plan: Plan, power: PointEnergies | None = None
) -> pa.Table:
    """Build `points` from `calls`, and their energy from `power`, ordered by curve and tokens.

    Every scenario of a timing recording has a row. A visit that failed, or whose calls are not all
    there, gives nothing to the point and is named in `marks`, or in `failure` where no visit is
    whole. Raises BadInput where a recording speaks of a scenario that it does not describe.
    """
    timing = [one for one in recordings if one.collector not in _TIMELESS]
    scenarios = {s.key: s for recording in timing for s in recording.scenarios}
    visits = visits_by_scenario(calls, timing)
    unknown = sorted(visits.keys() - scenarios.keys())
    if unknown:
        raise BadInput(f"a recording speaks of {unknown[0]!r} without describing that scenario")
    roles = {(op.curve, size): Role.CALIBRATION for op in plan.ops for size in op.calibration}
    roles |= {(op.curve, size): Role.HOLDOUT for op in plan.ops for size in op.holdout}
    ops = {op.curve: op.op for op in plan.ops}
    power = PointEnergies(plan) if power is None else power
    energies = power.columns()
    rows = []
    for scenario in sorted(scenarios.values(), key=lambda s: (s.curve, s.tokens, s.key)):
        row = _described(scenario) | _measured(visits.get(scenario.key, []))
        row["role"] = roles.get((scenario.curve, scenario.tokens), Role.FIT)
        row["energy_reason"] = power.why_none(ops.get(scenario.curve, scenario.op)) or _NO_POWER
        energy = energies.get(scenario.key, {})
        if "failure" not in row:
            row |= energy | {"marks": [*row["marks"], *energy.get("marks", [])]}
        rows.append(row)
    names = SCHEMAS["points"].names
    return table_from_columns("points", {name: [row.get(name) for row in rows] for name in names})


def unmeasured_sizes(plan: Plan, points: pa.Table) -> list[str]:
    """Say, per operation, how many sizes that the plan names for sure have no point at all."""
    found = set(zip(points["curve"].to_pylist(), points["tokens"].to_pylist(), strict=True))
    sentences = []
    for op in plan.ops:
        named = ((op.first, "first"), (op.holdout, "hold-out"), (op.calibration, "calibration"))
        for sizes, role in named:
            missing = [size for size in sizes if (op.curve, size) not in found]
            if missing:
                sentences.append(
                    f"{op.op}: {len(missing)} of {len(sizes)} {role} sizes have no recording:"
                    f" {', '.join(map(str, missing))}"
                )
    return sentences


def _described(scenario: Scenario) -> dict[str, Any]:
    return scenario.op_key(BURST).columns() | {
        "scenario_key": scenario.key,
        "curve": scenario.curve,
        "tokens": scenario.tokens,
        "flops": scenario.flops,
        "bytes_moved": scenario.bytes_moved,
        "energy_source": "unavailable",
    }


def _measured(visits: list[RepeatTimes]) -> dict[str, Any]:
    """Columns that a scenario's visits decide."""
    problems = [visit for visit in visits if visit.problem is not None]
    whole = [visit for visit in visits if visit.problem is None]
    source = "kernel" if any(visit.source == "kernel" for visit in whole) else "wall"
    pooled = [visit for visit in whole if visit.source == source]
    if not pooled:
        reasons = dict.fromkeys(visit.problem for visit in problems)
        text = "; ".join(filter(None, reasons)) or "its recording does not say what became of it"
        return {"failure": text, "marks": [], "visits": 0, "calls": 0}
    latency_us = np.concatenate([visit.latency_ns for visit in pooled]) / 1000
    median = float(np.median(latency_us))
    low, high = median_interval(latency_us) or (None, None)
    spread = float(np.subtract(*np.percentile(latency_us, [75, 25]))) / median
    signatures = {signature for visit in pooled for signature in visit.signatures}
    marks = [f"visit {visit.number} failed: {visit.problem}" for visit in problems]
    if len(pooled) < len(whole):
        marks.append(f"{len(whole) - len(pooled)} visit(s) without kernel times left out")
    return {
        "marks": marks + _doubts(spread, len(signatures), low is None),
        "signature": next(iter(signatures)) if len(signatures) == 1 else None,
        "visits": len(pooled),
        "calls": len(latency_us),
        "latency_us": median,
        "latency_us_lo": low,
        "latency_us_hi": high,
        "latency_source": source,
        "gap_us": _gap_us(pooled) if source == "kernel" else None,
        "spread": spread,
        "repeat_difference": _repeat_difference(pooled),
    }


def _doubts(spread: float, signatures: int, no_interval: bool) -> list[str]:
    marks = []
    if spread > SPREAD_LIMIT:
        marks.append(f"spread {spread:.0%} > {SPREAD_LIMIT:.0%}".replace("%", " %"))
    if signatures > 1:
        marks.append(f"calls ran {signatures} different sequences of kernels")
    if no_interval:
        marks.append("too few calls for an interval")
    return marks


def _gap_us(visits: list[RepeatTimes]) -> float:
    gaps: npt.NDArray[np.float64] = np.concatenate([visit.gap_ns for visit in visits])
    return float(np.median(gaps)) / 1000


def _repeat_difference(visits: list[RepeatTimes]) -> float | None:
    """Largest |log| ratio of the medians of two visits; None at one visit."""
    if len(visits) < 2:
        return None
    medians = [float(np.median(visit.latency_ns)) for visit in visits]
    return float(np.log(max(medians) / min(medians)))
