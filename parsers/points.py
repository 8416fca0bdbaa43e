"""Calls to points: one row per scenario from all its repeats, or the reason why there is none."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ..energy.point_energies import PointEnergies
from ..stats.median import median_interval
from ..store.errors import BadInput
from ..store.flag import Flag, FlagCode
from ..store.plan import Plan, Role
from ..store.provenance import EnergySource
from ..store.recording import CollectorName, Recording
from ..store.scenario import BURST, Scenario
from ..store.tables.parquet import table_from_columns
from ..store.tables.schemas import SCHEMAS
from .repeats.agreement import AgreedTimes, PointKey, agreed_times
from .repeats.times import RepeatTimes, repeats_by_scenario

SPREAD_LIMIT: Final = 0.20  # interquartile range over median that raises no flag
NOT_MENTIONED: Final = "its recording does not say what became of it"
NO_POWER: Final = "no power was recorded in this run"
_TIMELESS: Final = (CollectorName.NCU, CollectorName.POWER, CollectorName.THERMAL)

Columns = dict[str, Any]


def points_table(
    calls: pa.Table, recordings: Sequence[Recording], plan: Plan, power: PointEnergies | None = None
) -> pa.Table:
    """Build `points` from `calls`, and their energy from `power`, ordered by curve and tokens.

    Every scenario of a timing recording has a row; one of which every other repeat is held out has
    two, that of the hold-out first. A repeat that failed, or that lacks calls, is not part of the
    point; a flag names it, or `failure` where no repeat is complete. Of the others those count that
    agree, without the course of the machine's speed (repeats/agreement.py). Raises BadInput where a
    recording times a scenario that no recording describes.
    """
    timing = [one for one in recordings if one.collector not in _TIMELESS]
    scenarios = {s.key: s for recording in timing for s in recording.scenarios}
    repeats = repeats_by_scenario(calls, timing)
    unknown = sorted(repeats.keys() - scenarios.keys())
    if unknown:
        raise BadInput(f"a recording speaks of {unknown[0]!r} without describing that scenario")
    power = PointEnergies(plan) if power is None else power
    parts = _by_role(scenarios, repeats, plan)
    agreed = agreed_times(parts)
    energies, ops = power.columns(), {op.curve: op.op for op in plan.ops}
    rows = []
    for key in sorted(parts, key=lambda k: (k[0], scenarios[k[1]].tokens, k[1], k[2] == Role.FIT)):
        scenario = scenarios[key[1]]
        why_none = power.why_none(ops.get(scenario.curve, scenario.op)) or NO_POWER
        energy = {"energy_source": EnergySource.UNAVAILABLE, "energy_reason": why_none, "flags": []}
        energy |= energies.get(scenario.key, {})
        times = _times(parts[key], agreed.get(key))
        rows.append(_row(scenario, times, energy, why_none) | {"role": key[2]})
    names = SCHEMAS["points"].names
    return table_from_columns("points", {name: [row.get(name) for row in rows] for name in names})


def unmeasured_sizes(plan: Plan, points: pa.Table) -> list[str]:
    """A sentence per operation and role about the sizes of the plan that have no point at all."""
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


def _row(scenario: Scenario, times: Columns, energy: Columns, why_none: str) -> Columns:
    """The row of a scenario; a scenario that failed has no energy."""
    if "failure" in times:
        energy = {"energy_source": EnergySource.UNAVAILABLE, "energy_reason": why_none, "flags": []}
    flags: list[Flag] = [*times["flags"], *energy["flags"]]
    return _described(scenario) | energy | times | {"marks": [flag.sentence for flag in flags]}


def _described(scenario: Scenario) -> Columns:
    return scenario.op_key(BURST).columns() | {
        "scenario_key": scenario.key,
        "curve": scenario.curve,
        "tokens": scenario.tokens,
        "flops": scenario.flops,
        "bytes_moved": scenario.bytes_moved,
    }


def _by_role(
    scenarios: Mapping[str, Scenario], repeats: Mapping[str, Sequence[RepeatTimes]], plan: Plan
) -> dict[PointKey, list[RepeatTimes]]:
    """The repeats of each point: those of a scenario, apart by what they are for."""
    plans = {op.curve: op for op in plan.ops}
    parts: defaultdict[PointKey, list[RepeatTimes]] = defaultdict(list)
    for key, scenario in scenarios.items():
        op_plan, own = plans.get(scenario.curve), repeats.get(key, ())
        for number, one in [(one.number, [one]) for one in own] or [(0, [])]:
            role = Role.FIT if op_plan is None else op_plan.role(scenario.tokens, number)
            parts[scenario.curve, key, role] += one
    return parts


def _failed(repeats: Sequence[RepeatTimes]) -> Columns:
    reasons = dict.fromkeys(one.problem for one in repeats)
    failure = "; ".join(filter(None, reasons)) or NOT_MENTIONED
    return {"failure": failure, "flags": [], "visits": 0, "agreeing": 0, "calls": 0}


def _times(repeats: Sequence[RepeatTimes], agreed: AgreedTimes | None) -> Columns:
    """Columns about the times of a scenario, over all calls of the repeats that are used."""
    if agreed is None:
        return _failed(repeats)
    used = agreed.used
    latency_us = np.concatenate([one.latency_ns for one in used]) / 1000
    median_us = float(np.median(latency_us))
    low_us, high_us = median_interval(latency_us) or (None, None)
    spread = float(np.subtract(*np.percentile(latency_us, [75, 25]))) / median_us
    signatures = {signature for one in used for signature in one.signatures}
    return {
        "signature": next(iter(signatures)) if len(signatures) == 1 else None,
        "visits": len(agreed.complete),
        "agreeing": agreed.agreeing,
        "calls": len(latency_us),
        "latency_us": median_us,
        "latency_us_lo": low_us,
        "latency_us_hi": high_us,
        "latency_source": used[0].source,
        "correction": agreed.correction,
        "turns_apart": agreed.turns_apart,
        "gap_us": _gap_us(used),
        "spread": spread,
        "repeat_difference": agreed.difference,
        "flags": [
            *_repeat_flags(repeats, agreed),
            *_call_flags(spread, len(signatures), low_us is None),
        ],
    }


def _gap_us(used: Sequence[RepeatTimes]) -> float | None:
    """Median time per call in which none of its kernels ran, µs; None without kernel times."""
    gaps_ns = np.concatenate([one.gap_ns for one in used])
    return float(np.median(gaps_ns)) / 1000 if used[0].source == "kernel" else None


def _repeat_flags(repeats: Sequence[RepeatTimes], agreed: AgreedTimes) -> list[Flag]:
    failed = [one for one in sorted(repeats, key=attrgetter("number")) if one.problem is not None]
    flags = [
        Flag(FlagCode.REPEAT_FAILED, f"repeat {one.number} failed: {one.problem}") for one in failed
    ]
    if untimed := sum(one.untimed_calls for one in agreed.used):
        calls = untimed + sum(len(one.latency_ns) for one in agreed.used)
        words = f"{untimed} of {calls} calls left out: without range, kernel, time or launch"
        flags.append(Flag(FlagCode.UNTIMED_CALLS, words))
    for one in sorted(agreed.used, key=attrgetter("number")):
        if one.cut_short:
            words = f"the budget ended after {len(one.latency_ns)} calls of repeat {one.number}"
            flags.append(Flag(FlagCode.CUT_SHORT, words))
    left_out = len(repeats) - len(failed) - len(agreed.complete)
    if left_out:
        words = f"{left_out} repeat(s) without kernel times left out"
        flags.append(Flag(FlagCode.NO_KERNEL_TIMES, words))
    return [*flags, *_speed_flags(agreed)]


def _speed_flags(agreed: AgreedTimes) -> list[Flag]:
    """Flags about a machine whose speed changed."""
    flags = []
    if agreed.agreeing < 2 <= len(agreed.complete):
        apart = 100 * float(np.expm1(agreed.difference or 0.0))
        words = f"no two of its {len(agreed.complete)} repeats agree: they are {apart:.0f} % apart"
        flags.append(Flag(FlagCode.REPEATS_DIFFER, words))
    if agreed.slower_by is not None:
        words = f"the machine was {100 * agreed.slower_by:.0f} % slower than usual, taken off here"
        flags.append(Flag(FlagCode.SLOW_MACHINE, words))
    return flags


def _call_flags(spread: float, signatures: int, no_interval: bool) -> list[Flag]:
    flags = []
    if spread > SPREAD_LIMIT:
        words = f"spread {100 * spread:.0f} % > {100 * SPREAD_LIMIT:.0f} %"
        flags.append(Flag(FlagCode.WIDE_SPREAD, words))
    if signatures > 1:
        words = f"calls ran {signatures} different sequences of kernels"
        flags.append(Flag(FlagCode.KERNELS_DIFFER, words))
    if no_interval:
        flags.append(Flag(FlagCode.NO_INTERVAL, "too few calls for an interval"))
    return flags
