"""Facts about a run's own tables: lost kernels, two clocks compared, how power repeats."""

from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

import pyarrow as pa

from ...store.recording import CollectorName, PointTiming
from ...store.run import Run
from ...store.tables.parquet import read_table
from .results import Facts

Repeat = tuple[str, int]  # key of a scenario, and number of the repeat


def run_facts(run: Run) -> Facts:
    """Collect the facts of a run that is parsed."""
    points = read_table(run.table("points"), "points").to_pylist()
    calls = read_table(run.table("calls"), "calls")
    loaded = [row for row in points if row["power_w"] is not None]
    return {
        "points": len(points),
        "failed_points": [
            f"{row['op']} b={row['tokens']}: {row['failure']}" for row in points if row["failure"]
        ],
        "flagged_points": sum(bool(row["marks"]) for row in points),
        "calls": calls.num_rows,
        "calls_without_kernel": calls.column("busy_ns").null_count,
        "two_clocks": list(_two_clocks(run, calls)),
        "loaded_points": len(loaded),
        "power_repeat_differences": [
            row["power_repeat_difference"]
            for row in loaded
            if row["power_repeat_difference"] is not None
        ],
        "energy_sources": sorted({row["energy_source"] for row in points}),
        **_loads(run),
    }


def plan_facts(run: Run) -> Facts:
    """Collect how many sizes of each operation were planned, and how many have no point at all."""
    points = read_table(run.table("points"), "points")
    found = set(zip(points["curve"].to_pylist(), points["tokens"].to_pylist(), strict=True))
    planned = []
    for op in run.plan().ops:
        unreached = sum((op.curve, size) not in found for size in op.planned)
        planned.append({"op": op.op, "sizes": len(op.planned), "unreached": unreached})
    return {"planned": planned}


def _loads(run: Run) -> Facts:
    """How many loads the power pass recorded, and why some gave nothing."""
    power = [one for _, one in run.recordings() if one.collector == CollectorName.POWER]
    loads = sum(load.kind == "operation" for one in power for load in one.loads)
    return {"loads": loads, "failed_loads": [lost.reason for one in power for lost in one.failures]}


def _two_clocks(run: Run, calls: pa.Table) -> Iterator[dict[str, Any]]:
    """For each repeat, the median time of a call by the trace and by events of the GPU, us.

    Both are from the start of a call's first kernel to the end of its last.
    """
    traced = _traced_us(calls)
    for timing in _timings(run):
        by_trace_us = traced.get((timing.scenario_key, timing.visit))
        if by_trace_us is not None and timing.device_ns:
            yield {
                "scenario_key": timing.scenario_key,
                "repeat": timing.visit,
                "trace_us": by_trace_us,
                "events_us": median(timing.device_ns) / 1000,
            }


def _timings(run: Run) -> Iterator[PointTiming]:
    for _, recording in run.recordings():
        yield from recording.served


def _traced_us(calls: pa.Table) -> Mapping[Repeat, float]:
    """Median time from first to last kernel of the calls of each repeat, us."""
    columns = ("scenario_key", "visit", "busy_ns", "gap_ns")
    times: dict[Repeat, list[int]] = {}
    for key, repeat, busy_ns, gap_ns in zip(
        *(calls.column(name).to_pylist() for name in columns), strict=True
    ):
        if busy_ns is not None and gap_ns is not None:
            times.setdefault((key, repeat), []).append(busy_ns + gap_ns)
    return {repeat: median(found) / 1000 for repeat, found in times.items()}
