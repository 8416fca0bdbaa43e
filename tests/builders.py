"""Scenarios, plans, recordings, provenances, points and models for tests."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from moeprof.costmodel.build import NOTHING_PLANNED, build_model
from moeprof.costmodel.model import KernelCostModel
from moeprof.scenarios.catalogue import LoadedOp, find_ops
from moeprof.scenarios.plan import ResolvedRun
from moeprof.scenarios.plan import make_plan as plan_of
from moeprof.scenarios.preset import Preset
from moeprof.scenarios.run_options import RunOptions
from moeprof.store.cost_model import CostModelFile
from moeprof.store.plan import OpPlan, Plan
from moeprof.store.provenance import Provenance
from moeprof.store.recording import Failure, PointTiming, Recording
from moeprof.store.scenario import Scenario
from moeprof.store.tables.parquet import table_from_columns

EPOCH_NS = 1_700_000_000_000_000_000
NO_COUNTER = "this machine has no energy counter"


def make_scenario(tokens: int, op: str = "gelu", **changed: Any) -> Scenario:
    """A scenario of one curve."""
    scenario = Scenario(op, tokens, (1024,), "float32", flops=tokens, bytes_moved=8 * tokens)
    return replace(scenario, **changed)


def make_provenance(device: str = "cpu", **changed: Any) -> Provenance:
    made = Provenance(
        device, "a device", None, "a CPU", 2, 1, None, {"python": "3.11"}, None, None,
        "0" * 12, "2026-01-01T00:00:00Z",
    )  # fmt: skip
    return replace(made, **changed)


def make_points(
    time_us: Callable[[int], float], sizes: Iterable[int], role: str = "fit", /, **columns: Any
) -> pa.Table:
    """A `points` table of one curve, a row per size; a keyword sets a column throughout."""
    tokens = list(sizes)
    throughout = {
        "curve": "fc1-8x4-fp32-cold", "op": "fc1", "shape": [8, 4], "dtype": "float32",
        "l2": "cold", "regime": "burst", "role": role, "latency_source": "wall",
        "energy_source": "unavailable", "energy_reason": NO_COUNTER,
    } | columns  # fmt: skip
    measured = {"tokens": tokens, "latency_us": [time_us(size) for size in tokens]}
    repeated = {name: [value] * len(tokens) for name, value in throughout.items()}
    return table_from_columns("points", measured | repeated)


def make_model_file(
    *points: pa.Table,
    provenance: Provenance | None = None,
    planned: Mapping[str, str] = NOTHING_PLANNED,
) -> CostModelFile:
    """The model of these points, measured on a CPU of no data sheet unless `provenance` says so."""
    return build_model(
        pa.concat_tables(points),
        preset="tiny",
        provenance=provenance or make_provenance(device_name="Some CPU"),
        points_sha256="0" * 64,
        planned=planned,
    )


def make_model(*points: pa.Table) -> KernelCostModel:
    """The model of these points, ready for look-ups."""
    return KernelCostModel.from_file(make_model_file(*points))


def make_recording(
    timings: Iterable[PointTiming] = (),
    failures: Iterable[Failure] = (),
    tokens: Iterable[int] = (4,),
    **changed: Any,
) -> Recording:
    """A recording of the sizes that it measured or reports as failed."""
    values: dict[str, Any] = {
        "unit": "gelu.0", "op": "gelu", "collector": "cpu", "tool": "perf_counter",
        "tool_version": "3.11", "command": ("python", "scripts/gelu.py"), "exit_code": 0,
        "started_utc_ns": EPOCH_NS, "ended_utc_ns": EPOCH_NS + 10**9, "warnings": (),
        "files": {}, "provenance": make_provenance(changed.pop("device", "cpu")),
    }  # fmt: skip
    values["scenarios"] = tuple(make_scenario(size) for size in tokens)
    return Recording(served=tuple(timings), failures=tuple(failures), **(values | changed))


def make_op_plan(**changed: Any) -> OpPlan:
    """Plan of sizes 1 to 8, of which 2 is held out."""
    op_plan = OpPlan("gelu", make_scenario(1).curve, tuple(range(1, 9)), first=(4,), holdout=(2,))
    return replace(op_plan, **changed)


def make_plan(**changed: Any) -> Plan:
    """Plan of one operation, that of `make_op_plan`."""
    plan = Plan(
        "run", "small", "built in", "cpu", ("cpu",), "op", "all", "float32", "cold", 1, 0, 24,
        None, 60.0, (make_op_plan(),),
    )  # fmt: skip
    return replace(plan, **changed)


def plan_run(
    ops: str | Sequence[LoadedOp], batch_sizes: tuple[int, ...], preset: Preset, **chosen: Any
) -> Plan:
    """A plan as `moeprof profile` makes one: on the CPU, without power unless `chosen` says so.

    `chosen` holds options of the run and fields of ResolvedRun.
    """
    resolved: dict[str, Any] = {
        "run_id": "run", "device": "cpu", "collectors": ("cpu",), "power_reason": "not measured"
    }  # fmt: skip
    resolved |= {name: chosen.pop(name) for name in resolved.keys() & chosen.keys()}
    loaded = tuple(find_ops(ops) if isinstance(ops, str) else ops)
    return plan_of(
        RunOptions(**chosen),
        ResolvedRun(preset=preset, ops=loaded, batch_sizes=batch_sizes, **resolved),
    )
