"""`moeprof profile`: scenarios to recordings."""

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import typer

from ...store.errors import BadInput
from .. import render
from ..options import DEFAULT_STORE, Json, Store, duration_s, find_run
from .options import (
    BatchSizes,
    Budget,
    Cache,
    Collectors,
    Device,
    DryRun,
    ExpertParallel,
    Force,
    Hidden,
    IsolationKind,
    LockClocks,
    NoPower,
    Ops,
    Points,
    PointTimeout,
    PowerLimits,
    PresetFile,
    PresetName,
    Resume,
    Routing,
    RunToResume,
    SamplingKind,
    Seed,
    TensorParallel,
    ThermalResponse,
    Threads,
    Trust,
    Wait,
    WeightBits,
    WeightFormat,
)
from .output import show_estimate, show_result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ...pipeline.profile import RunOptions


def profile(
    context: typer.Context,
    run: RunToResume = None,
    ops: Ops = "all",
    batch_sizes: BatchSizes = "1..512",
    preset: PresetName = None,
    scenario: PresetFile = None,
    routing: Routing = None,
    hidden: Hidden = None,
    weight_bits: WeightBits = None,
    weight_format: WeightFormat = None,
    tensor_parallel: TensorParallel = 1,
    expert_parallel: ExpertParallel = 1,
    device: Device = None,
    collector: Collectors = "auto",
    sampling: SamplingKind = "adaptive",
    points: Points = None,
    isolation: IsolationKind = "op",
    l2: Cache = "cold",
    threads: Threads = 1,
    seed: Seed = 0,
    budget: Budget = None,
    point_timeout: PointTimeout = "60s",
    no_power: NoPower = False,
    power_limits: PowerLimits = None,
    lock_clocks: LockClocks = None,
    thermal_step: ThermalResponse = False,
    wait: Wait = None,
    force: Force = False,
    resume: Resume = False,
    trust: Trust = False,
    dry_run: DryRun = False,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Measure operations over batch sizes into a run folder. --dry-run says how long it takes."""
    from ...pipeline.profile import RunOptions, at_each_setting

    options = RunOptions(
        ops=ops, batch_sizes=batch_sizes, preset=preset, preset_file=scenario, hidden=hidden,
        weight_bits=weight_bits, weight_format=weight_format, tensor_parallel=tensor_parallel,
        expert_parallel=expert_parallel, routing=routing, device=device, collectors=collector,
        sampling=sampling, points_per_op=points, isolation=isolation, l2=l2, threads=threads,
        seed=seed,
        budget_s=None if budget is None else duration_s(budget),
        point_timeout_s=duration_s(point_timeout), power=not no_power,
        thermal_step=thermal_step, wait_s=None if wait is None else duration_s(wait), force=force,
    )  # fmt: skip
    _check_resume(run, resume, dry_run, trust)
    runs = at_each_setting(options, power_limits, lock_clocks)
    if resume:
        codes = [_resume(find_run(run, store).folder, runs, _given(context), trust, json)]
    else:
        codes = [_measure(one, store, dry_run, json) for one in runs]
    raise typer.Exit(max(codes))


def _check_resume(run: "Path | None", resume: bool, dry_run: bool, trust: bool) -> None:
    if run is not None and not resume:
        raise BadInput(f"{run} was named without --resume", hint=f"moeprof profile {run} --resume")
    if resume and dry_run:
        raise BadInput("--resume and --dry-run were both given", hint="give one of them")
    if trust and not resume:
        raise BadInput("--trust was given without --resume", hint="leave it out for a new run")


def _given(context: typer.Context) -> dict[str, str]:
    """Map each option that the command line gives, by its field of RunOptions, to its text."""
    from ...pipeline.profile import OPTION_FIELDS

    given = {}
    for name, value in context.params.items():
        field = OPTION_FIELDS.get(f"--{name.replace('_', '-')}")
        source = context.get_parameter_source(name)
        if field is not None and source is not None and source.name == "COMMANDLINE":
            given[field] = str(value)
    return given


def _show_plan(options: "RunOptions", json: bool) -> None:
    from ...pipeline.profile import plan_run

    with redirect_stdout(sys.stderr):  # stdout is for data, and a user's file may print
        estimate = plan_run(options, progress=render.Talk())
    for warning in estimate.warnings:
        render.warn(warning)
    show_estimate(estimate, json)


def _measure(options: "RunOptions", store: "Path", dry_run: bool, json: bool) -> int:
    """Measure one run, or show its plan; return the exit code."""
    if dry_run:
        _show_plan(options, json)
        return 0
    from ...pipeline.profile import profile as measure

    with redirect_stdout(sys.stderr), render.Talk() as talk:
        result = measure(options, store=store, progress=talk)
    return show_result(result, json)


def _resume(
    folder: "Path",
    runs: "Sequence[RunOptions]",
    given: dict[str, str],
    trust: bool,
    json: bool,
) -> int:
    """Go on with a run, which is at one setting; return the exit code."""
    from ...pipeline.profile import resume

    if len(runs) > 1:
        raise BadInput(
            f"--resume goes on with one run, and {len(runs)} settings were given",
            hint="leave --power-limits and --lock-clocks out: each run knows its own",
        )
    with redirect_stdout(sys.stderr), render.Talk() as talk:
        result = resume(folder, runs[0], given=given, trust=trust, progress=talk)
    return show_result(result, json)
