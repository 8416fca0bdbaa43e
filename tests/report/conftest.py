"""A run folder with all stages done: seven curves of a CPU, a staircase with seeded noise."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import pytest

from moeprof.compare.holdout import validate_holdout
from moeprof.costmodel.build import build_model
from moeprof.costmodel.checksum import with_checksum
from moeprof.costmodel.curve.next_size import Seen, next_size
from moeprof.costmodel.model import KernelCostModel
from moeprof.store.document import read_document, write_document
from moeprof.store.fitted_runs import FittedRun
from moeprof.store.plan import OpPlan, Plan
from moeprof.store.provenance import Gpu, Provenance
from moeprof.store.recording import sha256_of
from moeprof.store.run import Run
from moeprof.store.scenario import Scenario
from moeprof.store.tables.parquet import read_table, table_from_columns
from moeprof.store.tables.table_set import writing_tables
from moeprof.tests import builders

NO_POWER = "no power was recorded in this run"
LAST_TOKENS = 512

Row = dict[str, Any]


def fc1_us(tokens: int) -> float:
    """A staircase of tiles of 32 rows."""
    return 40.0 + 26.0 * ceil(tokens / 32) + 0.4 * tokens


def gelu_us(tokens: int) -> float:
    return 6.0 + 0.9 * tokens


def flat_us(tokens: int) -> float:
    return 212.0


# op -> (its shape, its latency)
OPS: dict[str, tuple[tuple[int, ...], Callable[[int], float]]] = {
    "fc1": ((512, 1024), fc1_us),
    "fc2": ((1024, 512), lambda tokens: 1.1 * fc1_us(tokens)),
    "gelu": ((1024,), gelu_us),
    "relu": ((1024,), lambda tokens: 0.2 * gelu_us(tokens)),
    "dequant_unpack": ((512, 1024), flat_us),
    "dequant_linear": ((512, 1024), lambda tokens: flat_us(tokens) + fc1_us(tokens)),
    "topk": ((), lambda tokens: 18.0 + 0.31 * tokens),
}


def scenario(op: str, tokens: int) -> Scenario:
    return Scenario(op, tokens, OPS[op][0], "float32", flops=tokens, bytes_moved=tokens)


def make_plan() -> Plan:
    random = Random(0)
    op_plans = []
    for op in OPS:
        holdout = tuple(sorted(random.sample(range(2, LAST_TOKENS), 8)))
        first = tuple(size for size in (1, 74, 147, 220, 293, 366, 439, 512) if size not in holdout)
        domain = tuple(range(1, LAST_TOKENS + 1))
        op_plans.append(OpPlan(op, scenario(op, 1).curve, domain, first, holdout))
    return replace(
        builders.make_plan(),
        run_id="20260101-000000-small",
        sampling="adaptive",
        budget_s=180.0,
        ops=tuple(op_plans),
    )


def make_provenance() -> Provenance:
    return builders.make_provenance(
        device_name="Example CPU 9000",
        cache_bytes=33_554_432,
        cpu_name="Example CPU 9000",
        versions={"torch": "2.13.0+cpu", "python": "3.11.7", "moeprof": "0.1.0"},
        git_commit="0123456789abcdef0123456789abcdef01234567",
        git_dirty=True,
        utc="2026-01-01T09:30:00Z",
    )


def make_gpu() -> Gpu:
    return Gpu(
        index=0,
        name="Example GPU",
        uuid="GPU-00000000",
        driver=None,
        vbios=None,
        power_limit_w=700.0,
        sm_clock_mhz=1980,
        memory_clock_mhz=None,
        mig=None,
        l2_bytes=52_428_800,
    )


def point(op: str, tokens: int, role: str, random: Random) -> Row:
    """One row of `points`: the operation's latency with seeded noise."""
    at = scenario(op, tokens)
    latency_us = OPS[op][1](tokens) * (1 + random.gauss(0, 0.004))
    half = latency_us * 0.01
    spread = abs(random.gauss(0.03, 0.04))
    measured_twice = random.random() < 0.25
    return {
        "scenario_key": at.key,
        "curve": at.curve,
        "op": op,
        "shape": list(at.shape),
        "dtype": at.dtype,
        "l2": at.l2,
        "tokens": tokens,
        "flops": at.flops,
        "bytes_moved": at.bytes_moved,
        "regime": "burst",
        "role": role,
        "marks": [f"spread {spread:.0%} is over 8%"] if spread > 0.08 else [],
        "visits": 2 if measured_twice else 1,
        "calls": 120,
        "latency_us": latency_us,
        "latency_us_lo": latency_us - half,
        "latency_us_hi": latency_us + half,
        "latency_source": "wall",
        "spread": spread,
        "repeat_difference": abs(random.gauss(0, 0.006)) if measured_twice else None,
        "energy_source": "unavailable",
        "energy_reason": NO_POWER,
    }


def failed(row: Row, reason: str) -> Row:
    """The row of a point that was planned and failed."""
    kept = ("scenario_key", "curve", "op", "shape", "dtype", "l2", "tokens", "regime", "role")
    unknown = {"energy_source": "unavailable", "energy_reason": reason, "marks": []}
    return {column: row[column] for column in kept} | unknown | {"failure": reason}


def fit_sizes(op_plan: OpPlan) -> list[int]:
    """The sizes that an adaptive sweep measures for the fit."""
    domain = [size for size in op_plan.domain if size not in op_plan.holdout]
    measured_us = {size: OPS[op_plan.op][1](size) for size in op_plan.first}
    while len(measured_us) < 24 and (tokens := next_size(Seen(measured_us), domain)) is not None:
        measured_us[tokens] = OPS[op_plan.op][1](tokens)
    return sorted(measured_us)


def make_rows(plan: Plan) -> list[Row]:
    random = Random(1)
    rows = []
    for op_plan in plan.ops:
        rows += [point(op_plan.op, tokens, "fit", random) for tokens in fit_sizes(op_plan)]
        rows += [point(op_plan.op, tokens, "holdout", random) for tokens in op_plan.holdout]
    rows[5] = failed(rows[5], "the point took longer than 60 s")
    return rows


def write_model(run: Run) -> None:
    path = run.table("points")
    model = build_model(
        read_table(path, "points"),
        preset=run.plan().preset,
        provenance=read_document(run.provenance_path, Provenance),
        points_sha256=sha256_of(path),
    )
    fitted = (FittedRun(sha256_of(path), run.sources_sha256()),)
    write_document(run.model_path, with_checksum(replace(model, runs=fitted)))


def write_validation(run: Run) -> None:
    model = KernelCostModel.load(run.model_path)
    points = read_table(run.table("points"), "points")
    write_document(run.validation_path, validate_holdout(model, run.folder.name, points))


def make_run(
    folder: Path, plan: Plan, provenance: Provenance, rows: list[Row], stages: int = 2
) -> Run:
    """A run that was profiled and parsed; stages = 1: and has a model; 2: and a validation."""
    run = Run(folder)
    write_document(run.plan_path, plan)
    write_document(run.provenance_path, provenance)
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [row.get(name) for row in rows] for name in names}
    with writing_tables(run.tables, run.sources_sha256()) as tables:
        tables.write("points", table_from_columns("points", columns))
    for write in (write_model, write_validation)[:stages]:
        write(run)
    return run


@pytest.fixture
def plan() -> Plan:
    return make_plan()


@pytest.fixture
def provenance() -> Provenance:
    return make_provenance()


@pytest.fixture
def gpu() -> Gpu:
    return make_gpu()


@pytest.fixture
def rows(plan: Plan) -> list[Row]:
    """Points of seven curves: fc1's sixth failed, some are flagged, none has energy."""
    return make_rows(plan)


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Run]:
    """Write a run from a plan, a provenance and rows; stages as in make_run."""
    return partial(make_run, tmp_path / "20260101-000000-small")


@pytest.fixture(scope="session")
def full_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that has been through every stage but the report; tests leave it as it is."""
    plan = make_plan()
    folder = tmp_path_factory.mktemp("runs") / plan.run_id
    return make_run(folder, plan, make_provenance(), make_rows(plan))
