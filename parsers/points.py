"""Calls to points: one row per scenario from all its repeats, or the reason why there is none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..energy.point_energies import PointEnergies
from ..stats.arrays import Float64, Int64
from ..stats.median import median_interval
from ..stats.repeatability import repeat_difference
from ..store.errors import BadInput
from ..store.flag import Flag, FlagCode
from ..store.plan import Plan, Role
from ..store.provenance import EnergySource
from ..store.recording import MOST_ZERO_CALLS, CollectorName, PointTiming, Recording
from ..store.scenario import BURST, Scenario
from ..store.tables.parquet import table_from_columns
from ..store.tables.schemas import SCHEMAS
from .events import int64_column

SPREAD_LIMIT: Final = 0.20  # interquartile range over median that raises no flag
NOT_MENTIONED: Final = "its recording does not say what became of it"
NO_POWER: Final = "no power was recorded in this run"
_TIMELESS: Final = (CollectorName.NCU, CollectorName.POWER, CollectorName.THERMAL)
_NULL_NS: Final = -1  # stands for null: no time of a call is negative

Columns = dict[str, Any]
Bools = npt.NDArray[np.bool_]


def points_table(
    calls: pa.Table, recordings: Sequence[Recording], plan: Plan, power: PointEnergies | None = None
) -> pa.Table:
    """Build `points` from `calls`, and their energy from `power`, ordered by curve and tokens.

    Every scenario of a timing recording has a row. A repeat that failed, or that lacks calls, is
    not part of the point; a flag names it, or `failure` where no repeat is complete. Raises
    BadInput where a recording times a scenario that no recording describes.
    """
    timing = [one for one in recordings if one.collector not in _TIMELESS]
    scenarios = {s.key: s for recording in timing for s in recording.scenarios}
    repeats = repeats_by_scenario(calls, timing)
    unknown = sorted(repeats.keys() - scenarios.keys())
    if unknown:
        raise BadInput(f"a recording speaks of {unknown[0]!r} without describing that scenario")
    power = PointEnergies(plan) if power is None else power
    energies, ops = power.columns(), {op.curve: op.op for op in plan.ops}
    rows = []
    for scenario in sorted(scenarios.values(), key=lambda s: (s.curve, s.tokens, s.key)):
        why_none = power.why_none(ops.get(scenario.curve, scenario.op)) or NO_POWER
        energy = {"energy_source": EnergySource.UNAVAILABLE, "energy_reason": why_none, "flags": []}
        energy |= energies.get(scenario.key, {})
        rows.append(_row(scenario, repeats.get(scenario.key, []), energy, why_none))
    _set_roles(rows, plan)
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


@dataclass(frozen=True, slots=True, eq=False)
class RepeatTimes:
    """One repeat: float64 arrays (calls,) of its latencies and gaps, or the problem with it.

    `source` is "kernel" where a latency is the union of the call's kernel intervals, and "wall"
    where it is host time; `gap_ns` is empty with "wall". `untimed_calls` are left out of the arrays
    because they took 0 ns, or may have a kernel without a time or a launching call.
    """

    number: int
    problem: str | None
    source: Literal["kernel", "wall"] = "wall"
    latency_ns: Float64 = field(default_factory=lambda: np.zeros(0))
    gap_ns: Float64 = field(default_factory=lambda: np.zeros(0))
    signatures: frozenset[str | None] = frozenset()
    untimed_calls: int = 0


def repeats_by_scenario(
    calls: pa.Table, recordings: Sequence[Recording]
) -> dict[str, list[RepeatTimes]]:
    """Repeats that the recordings timed or report as failed, in their order, by scenario key.

    A scenario that a recording describes, and neither times nor reports, is not in the result.
    """
    rows_of = _rows_by_repeat(calls)
    columns = _CallColumns(calls)
    repeats: dict[str, list[RepeatTimes]] = {}
    for recording in recordings:
        for timing in recording.served:
            rows = rows_of.get((recording.unit, timing.scenario_key, timing.visit))
            repeat = columns.repeat(timing, np.zeros(0, dtype=np.int64) if rows is None else rows)
            repeats.setdefault(timing.scenario_key, []).append(repeat)
        for failure in recording.failures:
            repeat = RepeatTimes(failure.visit, failure.reason)
            repeats.setdefault(failure.scenario_key, []).append(repeat)
    return repeats


def _row(
    scenario: Scenario, repeats: Sequence[RepeatTimes], energy: Columns, why_none: str
) -> Columns:
    """The row of a scenario; a scenario that failed has no energy."""
    used = _used(repeats)
    if not used:
        times = _failed(repeats)
        energy = {"energy_source": EnergySource.UNAVAILABLE, "energy_reason": why_none, "flags": []}
    else:
        times = _times(repeats, used)
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


def _set_roles(rows: Sequence[Columns], plan: Plan) -> None:
    roles = {(op.curve, size): Role.CALIBRATION for op in plan.ops for size in op.calibration}
    roles |= {(op.curve, size): Role.HOLDOUT for op in plan.ops for size in op.holdout}
    for row in rows:
        row["role"] = roles.get((row["curve"], row["tokens"]), Role.FIT)


def _used(repeats: Sequence[RepeatTimes]) -> list[RepeatTimes]:
    """The complete repeats; where some have kernel times, those alone."""
    complete = [one for one in repeats if one.problem is None]
    by_kernel = [one for one in complete if one.source == "kernel"]
    return by_kernel or complete


def _failed(repeats: Sequence[RepeatTimes]) -> Columns:
    reasons = dict.fromkeys(one.problem for one in repeats)
    failure = "; ".join(filter(None, reasons)) or NOT_MENTIONED
    return {"failure": failure, "flags": [], "visits": 0, "calls": 0}


def _times(repeats: Sequence[RepeatTimes], used: Sequence[RepeatTimes]) -> Columns:
    """Columns about the times of a scenario, over all calls of the repeats that are used."""
    latency_us = np.concatenate([one.latency_ns for one in used]) / 1000
    median_us = float(np.median(latency_us))
    low_us, high_us = median_interval(latency_us) or (None, None)
    spread = float(np.subtract(*np.percentile(latency_us, [75, 25]))) / median_us
    signatures = {signature for one in used for signature in one.signatures}
    return {
        "signature": next(iter(signatures)) if len(signatures) == 1 else None,
        "visits": len(used),
        "calls": len(latency_us),
        "latency_us": median_us,
        "latency_us_lo": low_us,
        "latency_us_hi": high_us,
        "latency_source": used[0].source,
        "gap_us": _gap_us(used),
        "spread": spread,
        "repeat_difference": repeat_difference([float(np.median(one.latency_ns)) for one in used]),
        "flags": [
            *_repeat_flags(repeats, used),
            *_call_flags(spread, len(signatures), low_us is None),
        ],
    }


def _gap_us(used: Sequence[RepeatTimes]) -> float | None:
    """Median time per call in which none of its kernels ran, µs; None without kernel times."""
    gaps_ns = np.concatenate([one.gap_ns for one in used])
    return float(np.median(gaps_ns)) / 1000 if used[0].source == "kernel" else None


def _repeat_flags(repeats: Sequence[RepeatTimes], used: Sequence[RepeatTimes]) -> list[Flag]:
    failed = [one for one in repeats if one.problem is not None]
    flags = [
        Flag(FlagCode.REPEAT_FAILED, f"repeat {one.number} failed: {one.problem}") for one in failed
    ]
    if untimed := sum(one.untimed_calls for one in used):
        calls = untimed + sum(len(one.latency_ns) for one in used)
        words = f"{untimed} of {calls} calls left out: no time, or a kernel without time or launch"
        flags.append(Flag(FlagCode.UNTIMED_CALLS, words))
    left_out = len(repeats) - len(failed) - len(used)
    if left_out:
        words = f"{left_out} repeat(s) without kernel times left out"
        flags.append(Flag(FlagCode.NO_KERNEL_TIMES, words))
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


class _CallColumns:
    """The columns of `calls` that repeats are made of, as arrays."""

    def __init__(self, calls: pa.Table) -> None:
        self._wall = int64_column(calls, "wall_ns", _NULL_NS)
        self._busy = int64_column(calls, "busy_ns", _NULL_NS)
        self._gap = int64_column(calls, "gap_ns", _NULL_NS)
        self._kernels = int64_column(calls, "kernels")
        self._signature = calls.column("signature")

    def repeat(self, timing: PointTiming, rows: Int64) -> RepeatTimes:
        """One repeat from its rows, checked against what the script says that it ran."""
        has_time = self._busy[rows] != _NULL_NS
        untimed = ~has_time & (self._kernels[rows] > 0)
        with_kernels = bool((has_time | untimed).any())
        latency = self._busy[rows] if with_kernels else self._wall[rows]
        untimed |= latency == 0
        problem = _problem(latency, untimed, timing.calls)
        if problem is not None:
            return RepeatTimes(timing.visit, problem)
        rows, latency = rows[~untimed], latency[~untimed]
        return RepeatTimes(
            number=timing.visit,
            problem=None,
            source="kernel" if with_kernels else "wall",
            latency_ns=latency.astype(np.float64),
            gap_ns=self._gap[rows].astype(np.float64) if with_kernels else np.zeros(0),
            signatures=frozenset(self._signature.take(rows).unique().to_pylist()),
            untimed_calls=int(np.count_nonzero(untimed)),
        )


def _problem(latency_ns: Int64, untimed: Bools, calls: int) -> str | None:
    """What the latencies of `calls` calls lack; None where those that are timed are complete.

    Untimed calls are no problem unless all are such: a profiler loses times whatever the call took,
    so the others are still a fair sample. Of calls of 0 ns a tenth at most may be: more of them are
    calls too short for the clock.
    """
    n = len(latency_ns)
    if n != calls:
        return f"{n} of {calls} ranges are in the trace"
    missing = int(np.count_nonzero((latency_ns == _NULL_NS) & ~untimed))
    if missing:
        return f"{missing} of {n} calls hold no kernel"
    zero = int(np.count_nonzero(latency_ns == 0))
    if zero > MOST_ZERO_CALLS * n:
        return f"{zero} of {n} calls took no time at all"
    return f"{n} of {n} calls hold a kernel without a time" if untimed.all() else None


def _rows_by_repeat(calls: pa.Table) -> Mapping[tuple[str, str, int], Int64]:
    """Row numbers of `calls` for each (recording, scenario key, repeat), in table order."""
    recordings, recording_code = _coded(calls, "recording")
    keys, key_code = _coded(calls, "scenario_key")
    number = int64_column(calls, "visit")
    order = np.lexsort((number, key_code, recording_code))
    return {
        (recordings[recording_code[rows[0]]], keys[key_code[rows[0]]], int(number[rows[0]])): rows
        for rows in _runs(order, recording_code, key_code, number)
    }


def _runs(order: Int64, *columns: Int64) -> Iterator[Int64]:
    """Split `order` where any of the columns changes."""
    if len(order):
        changed = np.any([np.diff(column[order]) != 0 for column in columns], axis=0)
        yield from np.split(order, np.flatnonzero(changed) + 1)


def _coded(table: pa.Table, name: str) -> tuple[list[str], Int64]:
    """The distinct values of a column, and the index of each row's value among them."""
    encoded = table.column(name).combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    values = [str(value) for value in encoded.dictionary.to_pylist()]
    return values, np.asarray(codes, dtype=np.int64)
