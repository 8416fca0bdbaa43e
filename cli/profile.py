"""`moeprof profile`: scenarios to recordings."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..store.atomic import write_whole
from ..store.document import write_document
from ..store.errors import BadInput, CannotMeasure
from ..store.recording import CollectorName
from ..store.run import Run, claim_run, holds_runs
from ..store.verdict import MIN_HELD_OUT, MIN_SIZES
from . import render
from .options import DEFAULT_STORE, Json, Store, duration_s, find_run
from .profile_options import (
    BatchSizes,
    Budget,
    Cache,
    Collectors,
    Device,
    DryRun,
    IsolationKind,
    LockClocks,
    NoPower,
    Ops,
    Points,
    PointTimeout,
    PresetFile,
    PresetName,
    Resume,
    RunToResume,
    SamplingKind,
    Seed,
    ThermalResponse,
    Threads,
)
from .profile_output import show_plan, tell
from .profile_resume import check_same_plan, resumed_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..scenarios.catalogue import LoadedOp
    from ..scenarios.operation import Operation
    from ..scenarios.preset import Preset
    from ..store.plan import Plan
    from ..store.provenance import Provenance
    from ..store.scenario import Scenario

_AS_GIVEN = ("isolation", "sampling", "l2", "threads", "seed", "thermal_step")


def profile(
    context: typer.Context,
    run: RunToResume = None,
    ops: Ops = "all",
    batch_sizes: BatchSizes = "1..512",
    preset: PresetName = None,
    scenario: PresetFile = None,
    device: Device = None,
    collector: Collectors = "auto",
    sampling: SamplingKind = "adaptive",
    points: Points = 24,
    isolation: IsolationKind = "op",
    l2: Cache = "cold",
    threads: Threads = 1,
    seed: Seed = 0,
    budget: Budget = None,
    point_timeout: PointTimeout = "60s",
    no_power: NoPower = False,
    lock_clocks: LockClocks = None,
    thermal_step: ThermalResponse = False,
    resume: Resume = False,
    dry_run: DryRun = False,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Measure operations over batch sizes into a run folder.

    Begin with --dry-run, which says how long it may take.
    """
    budget_s = None if budget is None else duration_s(budget)
    if no_power and thermal_step:
        raise BadInput("--no-power and --thermal-step were both given", hint="give one of them")
    if run is not None and not resume:
        raise BadInput(f"{run} was named without --resume", hint=f"moeprof profile {run} --resume")
    if resume and dry_run:
        raise BadInput("--resume and --dry-run were both given", hint="give one of them")
    if resume and (run is not None or holds_runs(store)):
        resumed = find_run(run, store)
        check_same_plan(context, resumed.plan())
        _resume(resumed, resumed_plan(resumed, budget_s, thermal_step), json)
        return
    if resume:
        render.say(f"there is no run in {store} to go on with: a new one begins")
    _profile_anew(context.params, budget_s)


def _profile_anew(given: Mapping[str, Any], budget_s: float | None) -> None:
    """Plan a run from the options, by their names; measure it unless it is only to be shown."""
    from ..device.identity import choose_device
    from ..profiler.collectors.registry import choose_collectors
    from ..scenarios.catalogue import find_ops
    from ..scenarios.duration import call_times_of
    from ..scenarios.grid import parse_batch_sizes
    from ..scenarios.plan import RunOptions, make_plan
    from ..scenarios.rates import rates_of

    device = choose_device(given["device"])
    shape = _preset(given["preset"], given["scenario"], device)
    collectors, why = choose_collectors(given["collector"], device)
    found = find_ops(given["ops"])
    choices = RunOptions(
        run_id=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{shape.name}-{device.replace(':', '')}",
        device=device,
        collectors=collectors,
        points_per_op=given["points"],
        budget_s=budget_s,
        point_timeout_s=duration_s(given["point_timeout"]),
        sm_clock_mhz=given["lock_clocks"],
        **{name: given[name] for name in _AS_GIVEN},
    )
    sizes = parse_batch_sizes(given["batch_sizes"])
    render.say(f"device: {device}; preset: {shape.name} ({shape.source})")
    render.say(f"collector: {', '.join(collectors)} ({why})")
    provenance = _provenance(device, choices.threads)
    power_reason = _why_no_power(given["no_power"], collectors, provenance)
    plan = make_plan(replace(choices, power_reason=power_reason), shape, found, sizes)
    _say_if_too_few_are_held_out(plan)
    if given["dry_run"]:
        pace = call_times_of(shape, found, choices.l2, rates_of(provenance, shape.dtype))
        show_plan(plan, pace, given["json"])
        return
    begun = claim_run(given["store"], plan.run_id)
    plan = replace(plan, run_id=begun.folder.name)
    _begin(begun, plan, shape, found, provenance)
    _sweep(begun, plan, shape, found, provenance, given["json"])


def _why_no_power(
    no_power: bool, collectors: tuple[str, ...], provenance: "Provenance"
) -> str | None:
    """Say where energy comes from; return the reason where it is not going to be measured."""
    from ..profiler.power.sensors import check_sensors

    reason: str | None = None
    if no_power:
        reason = "it was switched off by --no-power"
    elif collectors == (CollectorName.NCU,):
        reason = "the run takes no times"
    else:
        try:
            render.say(f"energy: {check_sensors(provenance)}")
        except CannotMeasure as refusal:
            reason = refusal.message
    if reason is not None:
        render.say(f"energy: unavailable: {reason}")
    return reason


def _preset(name: str | None, file: Path | None, device: str) -> "Preset":
    from ..scenarios.preset import load_preset, read_preset

    if name is not None and file is not None:
        raise BadInput("--preset and --scenario were both given", hint="give one of them")
    if file is not None:
        return read_preset(file)
    if name is None:
        name = "small" if device == "cpu" else "mixtral-8x7b"
    return load_preset(name)


def _say_if_too_few_are_held_out(plan: "Plan") -> None:
    least = min(plan.ops, key=lambda op_plan: len(op_plan.holdout))
    if len(least.holdout) < MIN_HELD_OUT:
        render.warn(
            f"{len(least.holdout)} of {len(least.domain)} sizes of {least.op} are held out, and"
            f" `moeprof validate` needs {MIN_HELD_OUT}: name at least {MIN_SIZES} sizes"
        )


def _provenance(device: str, threads: int) -> "Provenance":
    from ..device.identity import describe
    from ..profiler.git import head

    commit, dirty = head(Path.cwd())
    return describe(device, threads, git_commit=commit, git_dirty=dirty)


def _begin(
    run: Run,
    plan: "Plan",
    preset: "Preset",
    found: "Sequence[LoadedOp]",
    provenance: "Provenance",
) -> None:
    """Write everything that a sweep needs; the plan comes last, and makes the folder a run."""
    from ..scenarios.preset import to_toml
    from ..scenarios.script import render_script

    for each, op_plan in zip(found, plan.ops, strict=True):
        script = render_script(each.operation, preset, plan, op_plan, provenance.cache_bytes)
        write_whole(run.script(op_plan.op), script)
        if each.source is not None and op_plan.source is not None:
            write_whole(run.folder / op_plan.source, Path(each.source).read_bytes())
    write_whole(run.preset_path, to_toml(preset))
    write_document(run.plan_path, plan)


def _resume(run: Run, plan: "Plan", json: bool) -> None:
    """Go on with a run as it is planned."""
    from ..scenarios.catalogue import find_ops
    from ..scenarios.preset import read_preset

    found = [
        each
        for op_plan in plan.ops
        for each in find_ops(str(run.folder / op_plan.source) if op_plan.source else op_plan.op)
        if each.operation.name == op_plan.op
    ]
    provenance = _provenance(plan.device, plan.threads)
    _sweep(run, plan, read_preset(run.preset_path), found, provenance, json)


def _sweep(
    run: Run,
    plan: "Plan",
    preset: "Preset",
    found: "Sequence[LoadedOp]",
    provenance: "Provenance",
    json: bool,
) -> None:
    from ..profiler.collectors.registry import COLLECTORS
    from ..profiler.sweep import Sweep

    scenarios = {
        each.operation.name: partial(_scenario, each.operation, preset, plan) for each in found
    }
    render.say(f"run: {run.folder}")
    with held_clock(plan, provenance), render.SweepBar() as bar:
        sweep = Sweep(run, plan, provenance, scenarios, COLLECTORS, bar)
        try:
            summaries = sweep.measure()
        except KeyboardInterrupt:
            render.say(f"interrupted; go on with: moeprof profile {run.folder} --resume")
            raise
    tell(run, summaries, json)


@contextmanager
def held_clock(plan: "Plan", provenance: "Provenance") -> Iterator[None]:
    """Lock the GPU's clock where the plan says so; say when it is locked, and when no more."""
    from ..profiler.clocks import locked_sm_clock

    if plan.sm_clock_mhz is None or provenance.gpu is None:
        yield
        return
    with locked_sm_clock(provenance.gpu.uuid, plan.sm_clock_mhz):
        render.say(f"the SM clock is locked to {plan.sm_clock_mhz} MHz for this sweep")
        yield
    render.say("the SM clock is not locked any more")


def _scenario(operation: "Operation", preset: "Preset", plan: "Plan", tokens: int) -> "Scenario":
    return operation.scenario(preset, tokens, plan.dtype, plan.l2)
