"""Runs whole simulated power passes, and scores what their models say of energy and power."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from moeprof.benchmarks.power_pass.world import (
    HELD_S,
    REFERENCE_W,
    SETTLE_S,
    SIZES,
    Op,
    Weather,
    World,
    draw_op,
)
from moeprof.compare.coverage import PERCENTS, half_widths
from moeprof.compare.fitted import fitted_curves
from moeprof.costmodel.build import build_model
from moeprof.costmodel.model import KernelCostModel
from moeprof.pipeline.parse import parse_run
from moeprof.profiler.job import Job
from moeprof.profiler.power.power_pass import power_job, run_planned, run_spare
from moeprof.profiler.schedule.schedule import Schedule
from moeprof.scenarios.duration import START_S
from moeprof.scenarios.plan import ANCHORS, BLOCKS
from moeprof.stats.interval_score import interval_scores
from moeprof.store.document import write_document
from moeprof.store.plan import OpPlan, PowerPlan
from moeprof.store.provenance import Gpu
from moeprof.store.recording import PointTiming
from moeprof.store.run import Run
from moeprof.store.tables.parquet import read_table
from moeprof.tests.builders import (
    EPOCH_NS,
    make_plan,
    make_provenance,
    make_recording,
    make_scenario,
)

OPS = ("fc1", "fc2", "gelu", "norm")
SLOW_S, SPARE_S, FITTED, CALIBRATION = 60.0, 60.0, 32, 8
LOADS = 26  # in a block, with the idle baseline, and reference loads or a first size again
OFF = 0.10
_GPU = Gpu(0, "H200 (simulated)", "GPU-1", None, None, 700.0, None, None, None, None)
PROVENANCE = replace(make_provenance("cuda:0"), gpu=_GPU)


def weathers(whole_s: float, rng: np.random.Generator) -> list[Weather]:
    """The scenarios of one seed; a slow minute begins at any time of the pass."""
    begin_s = float(rng.uniform(0, whole_s - SLOW_S))
    slow = begin_s, begin_s + SLOW_S
    return [
        Weather("quiet"),
        Weather("throttling minute", slow_s=slow),
        Weather("the same, no sensor shows it", slow_s=slow, shown="nothing"),
        Weather("drift of 3 %", drift=0.03),
        Weather("drift of 3 % of the reference", drift=0.03, additive=True),
        Weather("throttling minute and drift", drift=0.03, slow_s=slow),
    ]


@dataclass(frozen=True)
class Outcome:
    """|log| errors of one pass: of all sizes, and of its anchors; intervals of energy."""

    weather: str
    took_s: float
    energy: Any  # [N] log error of energy per launch, of all operations and sizes
    measured: Any  # [N] the same, against what as many loads as an anchor has would measure
    power: Any  # [N]
    between: Any  # [N] whether a size is no anchor
    halves: Any  # [N, 3] half widths of energy's intervals at PERCENTS
    curve: Any  # [N]
    anchors: int
    unmeasured: int
    off: int
    off_unmarked: int
    marked: int


def run_pass(folder: Path, library: Path, weather: Weather, seed: int) -> Outcome:
    """Measure, parse and fit one power pass."""
    rng = np.random.default_rng(seed)
    ops = {name: draw_op(name, rng) for name in OPS}
    whole_s = planned_s()
    world = World(folder, library, ops, weather, whole_s, rng)
    run = Run(folder / "run")
    plan, jobs = _begin(run, world, rng)
    held = run.recordings()
    turns = [power_job(job, world.recorder, held, lambda repeat: None) for job in jobs]
    began_s = world.clock.monotonic_ns() / 1e9
    assert plan.power is not None
    for recording in run_planned(turns, plan.power.blocks, float("inf")):
        run.keep(recording)
    took_s = world.clock.monotonic_ns() / 1e9 - began_s
    for recording in run_spare(turns, run.recordings(), began_s + took_s + SPARE_S):
        run.keep(recording)
    truths = {name: true_power_w(op, weather, world.mean_drift()) for name, op in ops.items()}
    return _score(run, world, truths, took_s)


def planned_s() -> float:
    """Length of the pass: a process for each block, with 26 loads each."""
    return len(OPS) * BLOCKS * (START_S + LOADS * (SETTLE_S + HELD_S))


def _begin(run: Run, world: World, rng: np.random.Generator) -> tuple[Any, list[Job]]:
    """A run whose times are taken."""
    sizes = np.unique(np.round(np.geomspace(1, 512, FITTED + CALIBRATION + 8)).astype(int))
    reserved = rng.choice(sizes[1:-1], CALIBRATION, replace=False)
    fitted = tuple(int(size) for size in sizes if size not in reserved)
    ops = tuple(_op_plan(name, fitted, reserved.tolist()) for name in OPS)
    power = PowerPlan(ANCHORS, BLOCKS, spare_blocks=1)
    plan = replace(make_plan(), device="cuda:0", ops=ops, power=power, sampling="all")
    write_document(run.plan_path, plan)
    write_document(run.provenance_path, PROVENANCE)
    jobs = []
    for op_plan in ops:
        one = world.ops[op_plan.op]
        run.script(one.name).parent.mkdir(parents=True, exist_ok=True)
        run.script(one.name).write_text(world.script())
        measured = (*fitted, *(int(size) for size in sorted(reserved)))
        timings = [_timing(one, size, rng) for size in measured]
        recording = make_recording(
            timings, collector="cpu", unit=one.name, op=one.name, provenance=PROVENANCE,
            scenarios=tuple(make_scenario(size, one.name) for size in measured),
        )  # fmt: skip
        run.keep(recording)
        scenario_of = lambda size, name=one.name: make_scenario(size, name)  # noqa: E731
        schedule = Schedule(plan, op_plan, scenario_of, recordings=[recording])
        jobs.append(Job(run, plan, op_plan, schedule, PROVENANCE, lambda repeat: None, world.clock))
    return plan, jobs


def _op_plan(name: str, fitted: Sequence[int], calibration: Sequence[int] = ()) -> OpPlan:
    domain = tuple(int(size) for size in SIZES)
    reserved = tuple(sorted(int(size) for size in calibration))
    return OpPlan(
        name, make_scenario(1, name).curve, domain, tuple(fitted), (), calibration=reserved
    )


def _timing(op: Op, size: int, rng: np.random.Generator) -> PointTiming:
    middle_ns = 1000 * op.time_us[size - 1] * rng.normal(1, op.time_spread)
    calls_ns = tuple(int(t) for t in middle_ns * rng.normal(1, 0.005, 20))
    key = make_scenario(size, op.name).key
    return PointTiming(key, 0, len(calls_ns), calls_ns, EPOCH_NS, EPOCH_NS + 1)


def _score(run: Run, world: World, powers_w: dict[str, Any], took_s: float) -> Outcome:
    parse_run(run)
    ops = world.ops
    table = read_table(run.table("points"), "points")
    model = KernelCostModel.from_file(
        build_model(table, preset="small", provenance=PROVENANCE, points_sha256="0" * 64)
    )
    parts = [_of_curve(model, op, powers_w[name], n) for n, (name, op) in enumerate(ops.items())]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    energy, power, between, halves, curve = columns
    spreads = [np.hypot(op.time_spread, op.power_spread) / np.sqrt(BLOCKS) for op in ops.values()]
    measured = energy - world.rng.normal(0, np.repeat(spreads, len(SIZES)))
    counts = _anchors(table.to_pylist(), ops, powers_w)
    return Outcome(
        world.weather.name, took_s, energy, measured, power, between, halves, curve, **counts
    )


def _of_curve(
    model: KernelCostModel, op: Op, power_w: Any, index: int
) -> tuple[Any, Any, Any, Any, Any]:
    costs = model.get_costs(op.name, SIZES)
    energy = np.array([np.nan if c.energy_mj is None else c.energy_mj for c in costs])
    (curve,) = [one for one in model.curves if one.op == op.name]
    fitted = fitted_curves(model)[curve.curve]
    halves = [[*half_widths(fitted, cost, "energy").values()] for cost in costs]
    anchors = curve.energy_tokens or curve.knots_tokens
    return (
        np.log(energy / (power_w * op.time_us / 1000)),
        np.log(np.array(costs.power_w) / power_w),
        ~np.isin(SIZES, anchors),
        np.array(halves, dtype=float),
        np.full(len(SIZES), index),
    )


def true_power_w(op: Op, weather: Weather, mean_drift: float) -> Any:
    """Power at a share of the pass's drift, without its slow minute, W, at all sizes."""
    base_w = REFERENCE_W if weather.additive else op.power_w
    return op.power_w + base_w * weather.drift * mean_drift


def _anchors(
    rows: Sequence[dict[str, Any]], ops: dict[str, Op], powers_w: dict[str, Any]
) -> dict[str, int]:
    """Counts of the loaded sizes: those without energy, and those that are off."""
    loaded = [row for row in rows if row["energy_mj"] is not None]
    truth = {name: powers_w[name] * op.time_us / 1000 for name, op in ops.items()}
    off = [
        row for row in loaded
        if abs(row["energy_mj"] / truth[row["op"]][row["tokens"] - 1] - 1) > OFF
        or abs(row["latency_sustained_us"] / ops[row["op"]].time_us[row["tokens"] - 1] - 1) > OFF
    ]  # fmt: skip
    return {
        "anchors": len(loaded),
        "unmeasured": sum("no anchor" not in (row["energy_reason"] or "no anchor") for row in rows),
        "off": len(off),
        "off_unmarked": sum(not row["marks"] for row in off),
        "marked": sum(bool(row["marks"]) for row in loaded),
    }


def summaries(outcomes: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
    """One line for each scenario, over all its passes."""
    for name in dict.fromkeys(one.weather for one in outcomes):
        mine = [one for one in outcomes if one.weather == name]
        yield {"weather": name, "passes": len(mine)} | _summary(mine)


def _summary(mine: Sequence[Outcome]) -> dict[str, float]:
    energy, measured, power, between, half = (
        np.concatenate([getattr(one, field) for one in mine])
        for field in ("energy", "measured", "power", "between", "halves")
    )
    known = np.isfinite(energy) & np.isfinite(half[:, -1])
    curves = np.concatenate([one.curve + 100 * n for n, one in enumerate(mine)])
    anchors = sum(one.anchors for one in mine)
    found = {
        "took_s": float(np.mean([one.took_s for one in mine])),
        "energy_pct": 100 * float(np.nanmedian(np.abs(energy))),
        "power_pct": 100 * float(np.nanmedian(np.abs(power))),
        "worst_pass_pct": 100 * max(float(np.nanmedian(np.abs(one.energy))) for one in mine),
        "unmeasured_pct": 100 * sum(one.unmeasured for one in mine) / max(1, anchors),
        "off_pct": 100 * sum(one.off for one in mine) / max(1, anchors),
        "off_unmarked_pct": 100 * sum(one.off_unmarked for one in mine) / max(1, anchors),
        "marked_pct": 100 * sum(one.marked for one in mine) / max(1, anchors),
        "width_95_pct": 100 * float(np.median(half[known, -1])),
    }
    # A verdict holds the intervals between anchors against measurements, which scatter themselves.
    for where, chosen, judged in (
        ("between", known & between, measured),
        ("anchors", known & ~between, energy),
    ):
        for place, percent in enumerate(PERCENTS):
            errors, halves = judged[chosen], half[chosen, place]
            found[f"{where}_covers_{percent}"] = 100 * float(np.mean(np.abs(errors) <= halves))
            best = _oracle(errors, curves[chosen], percent)
            score = float(np.mean(interval_scores(errors, halves, percent)))
            found[f"{where}_score_{percent}"] = score / best
    return found


def _oracle(errors: Any, curves: Any, percent: int) -> float:
    """Mean score of intervals of constant width per curve, the width that suits its errors."""
    scores = []
    for curve in np.unique(curves):
        mine = errors[curves == curve]
        width = np.quantile(np.abs(mine), percent / 100)
        scores.append(interval_scores(mine, np.full(len(mine), width), percent))
    return float(np.mean(np.concatenate(scores)))
