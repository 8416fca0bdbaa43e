"""`moeprof profile`: scenarios to recordings."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..store.atomic import write_whole
from ..store.document import write_document
from ..store.errors import BadInput
from ..store.run import Run, claim_run, holds_runs
from . import render
from .options import DEFAULT_STORE, Json, Store, duration_s, find_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..profiler.sweep import OpSummary
    from ..scenarios.catalogue import Found
    from ..scenarios.operation import Operation
    from ..scenarios.preset import Preset
    from ..store.plan import Plan
    from ..store.provenance import Provenance
    from ..store.scenario import Scenario

_BUDGET_SPENT = 4
_NOTHING_MEASURED = 3
_VERDICT_SIZES = 6  # below, the median error has no 95 % interval (parsers/median.py)


def profile(
    context: typer.Context,
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="With --resume: the run; the latest if left out."),
    ] = None,
    ops: Annotated[
        str, typer.Option(help="all, names by comma, or a Python file with an operation.")
    ] = "all",
    batch_sizes: Annotated[
        str, typer.Option(help="For example 1..512, 1..512:8, 1,2,4 or pow2:1..512.")
    ] = "1..512",
    preset: Annotated[
        str | None, typer.Option(help="Preset [default: small on a CPU, mixtral-8x7b on a GPU].")
    ] = None,
    scenario: Annotated[
        Path | None, typer.Option("--scenario", help="Preset of your own, a TOML file.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda:N [default: the first GPU, else cpu].")
    ] = None,
    collector: Annotated[
        str, typer.Option(help="auto, cpu, kineto, nsys, ncu; or one that times and ncu by comma.")
    ] = "auto",
    sampling: Annotated[
        Literal["adaptive", "all"],
        typer.Option(help="Choose sizes as they are measured, or take every one."),
    ] = "adaptive",
    points: Annotated[int, typer.Option(help="Sizes per operation given to the fit.")] = 24,
    isolation: Annotated[
        Literal["op", "point"], typer.Option(help="A process per operation, or per point.")
    ] = "op",
    l2: Annotated[
        Literal["cold", "hot"], typer.Option(help="Rotate inputs over 5 caches, or keep them.")
    ] = "cold",
    threads: Annotated[int, typer.Option(help="CPU threads of an operation.")] = 1,
    seed: Annotated[int, typer.Option(help="Draws the hold-out and the order.")] = 0,
    budget: Annotated[
        str | None, typer.Option(help="Stop measuring after this long, for example 3m.")
    ] = None,
    point_timeout: Annotated[str, typer.Option(help="Time limit of one point.")] = "60s",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was interrupted.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and an estimate, measure nothing.")
    ] = False,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Measure operations over batch sizes into a run folder."""
    from ..device.identity import choose_device
    from ..profiler.collectors import choose_collectors
    from ..scenarios.catalogue import find_ops
    from ..scenarios.grid import parse_batch_sizes
    from ..scenarios.plan import Choices, make_plan

    budget_s = None if budget is None else duration_s(budget)
    if run is not None and not resume:
        raise BadInput(f"{run} was named without --resume", hint=f"moeprof profile {run} --resume")
    if resume and dry_run:
        raise BadInput("--resume and --dry-run were both given", hint="give one of them")
    if resume and (run is not None or holds_runs(store)):
        resumed = find_run(run, store)
        _check_same_plan(context, resumed.plan())
        _resume(resumed, budget_s, json)
        return
    if resume:
        render.say(f"there is no run to resume in {store}: beginning one")
    chosen_device = choose_device(device)
    shape = _preset(preset, scenario, chosen_device)
    collectors, why = choose_collectors(collector, chosen_device)
    found = find_ops(ops)
    choices = Choices(
        run_id=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{shape.name}-{chosen_device.replace(':', '')}",
        device=chosen_device,
        collectors=collectors,
        isolation=isolation,
        sampling=sampling,
        l2=l2,
        threads=threads,
        seed=seed,
        points_per_op=points,
        budget_s=budget_s,
        point_timeout_s=duration_s(point_timeout),
    )
    plan = make_plan(choices, shape, found, parse_batch_sizes(batch_sizes))
    render.say(f"device: {chosen_device}; preset: {shape.name} ({shape.source})")
    render.say(f"collector: {', '.join(collectors)} ({why})")
    _say_if_too_few_are_held_out(plan)
    if dry_run:
        _show_plan(plan, json)
        return
    provenance = _provenance(plan)
    begun = claim_run(store, plan.run_id)
    plan = replace(plan, run_id=begun.folder.name)
    _begin(begun, plan, shape, found, provenance)
    _sweep(begun, plan, shape, found, provenance, json)


def _preset(name: str | None, file: Path | None, device: str) -> "Preset":
    from ..scenarios.preset import load_preset, read_preset

    if name is not None and file is not None:
        raise BadInput("--preset and --scenario were both given", hint="give one of them")
    if file is not None:
        return read_preset(file)
    if name is None:
        name = "small" if device == "cpu" else "mixtral-8x7b"
    return load_preset(name)


def _check_same_plan(context: typer.Context, plan: "Plan") -> None:
    """Raise BadInput for an option that was given and says other than the run's plan."""
    from ..device.identity import choose_device
    from ..scenarios.catalogue import find_ops
    from ..scenarios.grid import parse_batch_sizes
    from ..scenarios.preset import read_preset

    readings: dict[str, tuple[Callable[[Any], object], object]] = {
        "ops": (lambda words: [one.operation.name for one in find_ops(words)], _names(plan)),
        "batch_sizes": (parse_batch_sizes, plan.ops[0].domain),
        "preset": (str, plan.preset),
        "scenario": (lambda path: read_preset(path).name, plan.preset),
        "device": (choose_device, plan.device),
        "collector": (lambda words: tuple(words.split(",")), plan.collectors),
        "points": (int, plan.points_per_op),
        "point_timeout": (duration_s, plan.point_timeout_s),
    }
    for name in ("sampling", "isolation", "l2", "threads", "seed"):
        readings[name] = (lambda value: value, getattr(plan, name))
    for name, (read, planned) in readings.items():
        source = context.get_parameter_source(name)
        given = context.params[name]
        if source is None or source.name != "COMMANDLINE" or given == "auto":
            continue
        if read(given) != planned:
            option = f"--{name.replace('_', '-')}"
            raise BadInput(
                f"{option} is {str(given)!r}, and the run was planned otherwise",
                hint=f"leave {option} out to go on with it, or begin another without --resume",
            )


def _names(plan: "Plan") -> list[str]:
    return [op_plan.op for op_plan in plan.ops]


def _say_if_too_few_are_held_out(plan: "Plan") -> None:
    fewest = min(len(op_plan.holdout) for op_plan in plan.ops)
    if fewest < _VERDICT_SIZES:
        render.warn(
            f"{fewest} sizes are held out, and a verdict needs {_VERDICT_SIZES}:"
            f" name at least {4 * _VERDICT_SIZES} batch sizes to validate the model"
        )


def _provenance(plan: "Plan") -> "Provenance":
    from ..device.identity import describe
    from ..profiler.git import head

    commit, dirty = head(Path.cwd())
    return describe(plan.device, plan.threads, git_commit=commit, git_dirty=dirty)


def _begin(
    run: Run,
    plan: "Plan",
    preset: "Preset",
    found: "Sequence[Found]",
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


def _resume(run: Run, budget_s: float | None, json: bool) -> None:
    """Go on with a run as it was planned, within a budget of its own."""
    from ..scenarios.catalogue import find_ops
    from ..scenarios.preset import read_preset

    plan = replace(run.plan(), budget_s=budget_s)
    found = [
        each
        for op_plan in plan.ops
        for each in find_ops(str(run.folder / op_plan.source) if op_plan.source else op_plan.op)
        if each.operation.name == op_plan.op
    ]
    _sweep(run, plan, read_preset(run.preset_path), found, _provenance(plan), json)


def _sweep(
    run: Run,
    plan: "Plan",
    preset: "Preset",
    found: "Sequence[Found]",
    provenance: "Provenance",
    json: bool,
) -> None:
    from ..profiler.collectors import COLLECTORS
    from ..profiler.sweep import Sweep

    scenarios = {
        each.operation.name: partial(_scenario, each.operation, preset, plan) for each in found
    }
    render.say(f"run: {run.folder}")
    with render.SweepBar() as bar:
        sweep = Sweep(run, plan, provenance, scenarios, COLLECTORS, bar)
        try:
            summaries = sweep.measure()
        except KeyboardInterrupt:
            render.say(f"interrupted; go on with: moeprof profile {run.folder} --resume")
            raise
    _tell(run, summaries, json)


def _scenario(operation: "Operation", preset: "Preset", plan: "Plan", tokens: int) -> "Scenario":
    return operation.scenario(preset, tokens, plan.dtype, plan.l2)


def _tell(run: Run, summaries: "Sequence[OpSummary]", json: bool) -> None:
    if json:
        render.data({"run": str(run.folder), "ops": [asdict(one) for one in summaries]})
    else:
        render.table(
            "Points",
            ["op", "collector", "#measured", "#before", "#failed", "#left"],
            [
                [
                    one.op,
                    one.collector,
                    *map(str, (one.measured, one.recalled)),
                    *map(str, (len(one.failures), len(one.unmeasured))),
                ]
                for one in summaries
            ],
        )
    for one in summaries:
        for failure in one.failures:
            render.warn(f"{failure.scenario_key}: {failure.reason}")
        for warning in dict.fromkeys(one.warnings):
            render.warn(f"{one.op}: {warning}")
    if any(one.unmeasured for one in summaries):
        render.warn("the budget was spent before every planned size was measured")
        render.say(f"go on with: moeprof profile {run.folder} --resume")
        raise typer.Exit(_BUDGET_SPENT)
    if not any(one.measured or one.recalled for one in summaries):
        render.error("nothing was measured", hint="the reasons stand above; `moeprof doctor` helps")
        raise typer.Exit(_NOTHING_MEASURED)


def _show_plan(plan: "Plan", json: bool) -> None:
    from ..scenarios.plan import estimate_s

    seconds = estimate_s(plan)
    if json:
        render.data({"plan": asdict(plan), "estimate_s": round(seconds, 1)})
        return
    render.table(
        f"Plan: {plan.sampling} sampling, {plan.points_per_op} sizes per operation to the fit",
        ["op", "curve", "#from", "#to", "#first", "#held out"],
        [
            [
                op.op,
                op.curve,
                *map(str, (op.domain[0], op.domain[-1], len(op.first), len(op.holdout))),
            ]
            for op in plan.ops
        ],
    )
    render.say(f"estimate: {seconds:.0f} s on {plan.device}; nothing was measured")
