"""Scenarios to recordings: plan a run, measure it into a run folder, go on with one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import NoneType

from ..device.identity import choose_device
from ..doctor.script_trial import check_scripts_load
from ..profiler.collectors.registry import COLLECTORS
from ..profiler.lock import Locks, run_lock
from ..profiler.machine import check_machine
from ..profiler.power.sensors import kept_recorder
from ..profiler.schedule.op_summary import OpSummary
from ..profiler.sweep import Sweep
from ..profiler.watch import look_around, watch_of
from ..scenarios.duration import call_times_of
from ..scenarios.gpu_settings import at_each_setting
from ..scenarios.plan import ANCHORS, estimate_power_s, estimate_s, response_s
from ..scenarios.rates import rates_of
from ..scenarios.run_files import begin_run, rendered_files
from ..scenarios.run_options import OPTION_FIELDS, RunOptions
from ..scenarios.trust import NoKey, check_trusted
from ..store.errors import check_type, naming, path_argument
from ..store.plan import Plan
from ..store.provenance import Surroundings
from ..store.run import DEFAULT_STORE, open_run
from .measure.progress import SILENT, RunProgress
from .measure.quiet import OwnDevice, tell
from .measure.renewed_scripts import renew_scripts
from .measure.resolve import described_at, plan_warnings, resolve
from .measure.resume import (
    changed_options,
    check_same_plan,
    layers_of,
    ops_of,
    resumed_plan,
)
from .measure.sweep import device_alone, failures_of, scenarios_of

__all__ = [
    "ANCHORS",
    "OPTION_FIELDS",
    "OpSummary",
    "ProfileResult",
    "RunEstimate",
    "RunOptions",
    "RunProgress",
    "at_each_setting",
    "plan_run",
    "profile",
    "resume",
]


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """A plan, and how long it is estimated to take.

    `total_s` is at most the budget, and `whole_s` is what the plan takes without one; `power_s` of
    the power pass and `thermal_step_s` are part of both. All are in seconds.
    `surroundings` are those of the device now, None where they are not known.
    """

    plan: Plan
    total_s: float
    whole_s: float
    power_s: float
    thermal_step_s: float
    warnings: tuple[str, ...]
    surroundings: Surroundings | None


@dataclass(frozen=True, slots=True)
class ProfileResult:
    """What one sweep did: the run's folder, and each operation under each collector.

    `warnings` names each point that failed, then what disturbed the operation.
    """

    folder: Path
    ops: tuple[OpSummary, ...]
    warnings: tuple[str, ...]

    @property
    def budget_spent(self) -> bool:
        """Whether the budget ended before every planned size was measured."""
        return any(one.unmeasured for one in self.ops)

    @property
    def measured_once(self) -> int:
        """Number of sizes that no repeat confirms, for lack of time."""
        return sum(len(one.measured_once) for one in self.ops)

    @property
    def has_points(self) -> bool:
        """Whether the run holds any measured point."""
        return any(one.measured or one.recalled for one in self.ops)


def plan_run(options: RunOptions | None = None, *, progress: RunProgress = SILENT) -> RunEstimate:
    """Plan a run and estimate how long it takes; measure and write nothing.

    Raises BadInput and CannotMeasure as `profile` does.
    """
    options = _checked(options)
    planned = resolve(options, progress)
    with watch_of(planned.provenance.gpu) as watch:
        seen = look_around(watch)
    tell(seen, progress)
    preset, ops = planned.resolved.preset, planned.resolved.ops
    rates = rates_of(planned.provenance, preset.dtype)
    plan, call_times = planned.plan, call_times_of(preset, ops, options.l2, rates)
    return RunEstimate(
        plan=plan,
        total_s=estimate_s(plan, call_times),
        whole_s=estimate_s(replace(plan, budget_s=None), call_times),
        power_s=estimate_power_s(plan),
        thermal_step_s=response_s(plan),
        warnings=plan_warnings(plan),
        surroundings=seen,
    )


def profile(
    options: RunOptions | None = None,
    *,
    store: Path | str = DEFAULT_STORE,
    progress: RunProgress = SILENT,
    alone: bool = False,
) -> ProfileResult:
    """Measure operations over batch sizes into a new run folder below `store`.

    Files of operations are tried in a process of their own, unless this one is `alone`: made for
    them, and may end by them.

    `progress` receives the plan's warnings, whether the device is quiet, and the folder before
    anything is measured. Raises BadInput for an option that names nothing here, a folder that
    cannot be written or a device that another sweep measures, and CannotMeasure where a collector
    does not work here. A KeyboardInterrupt leaves a run that `resume` goes on with.
    """
    folder, options = path_argument("store", store), _checked(options)
    planned = resolve(options, progress, alone=alone)
    resolved, provenance = planned.resolved, planned.provenance
    for warning in plan_warnings(planned.plan):
        progress.warning(warning)
    with device_alone(planned.plan, provenance, progress, options) as own:
        files = rendered_files(planned.plan, resolved.preset, resolved.ops, provenance.cache_bytes)
        check_scripts_load(files.scripts)

        def plan_called(name: str) -> Plan:
            return replace(planned.plan, run_id=name)

        def no_key(why: NoKey) -> None:
            progress.notice(f"{why}; going on with this run will need --trust")

        run = begin_run(folder, planned.plan.run_id, plan_called, files, no_key)
        plan = plan_called(run.folder.name)
        scenarios = scenarios_of(resolved.ops, resolved.preset, plan)
        with run_lock(run) as of_run:
            sweep = Sweep(run, plan, provenance, scenarios, COLLECTORS, progress)
            return _measured(sweep, own, of_run, progress)


def resume(
    run: Path | str,
    options: RunOptions | None = None,
    *,
    given: Mapping[str, str] | None = None,
    trust: bool = False,
    progress: RunProgress = SILENT,
) -> ProfileResult:
    """Go on with an interrupted run: measure what its folder does not hold yet.

    `budget_s`, `thermal_step`, `wait_s` and `force` of `options` hold for this sweep; every other
    option must be that of the plan. `given` maps the fields that are to be compared to the text
    that the user wrote; None compares each field that is not at its default. To go on executes
    scripts and op files of the run: `trust` allows it where another user or machine began it.
    Raises BadInput where `run` is no run, was measured on another machine, is not trusted, or an
    option contradicts its plan.
    """
    opened, options = open_run(path_argument("run", run)), _checked(options)
    check_type("trust", trust, bool)
    plan = opened.plan()
    with naming(opened.plan_path):
        device = choose_device(plan.device)
    provenance = described_at(device, plan.threads, plan.power_limit_w)
    check_machine(opened, provenance)
    check_trusted(opened, plan, trust=trust)
    given = changed_options(options) if given is None else given
    layers = layers_of(opened, plan)
    check_same_plan(options, given, plan, layers)
    with (
        run_lock(opened) as of_run,
        device_alone(plan, provenance, progress, options) as own,
    ):
        plan = resumed_plan(opened, options)
        renew_scripts(opened, plan, provenance.cache_bytes, progress.notice)
        scripts = {op.op: opened.script(op.op) for op in plan.ops}
        # One that is gone fails the points that are left, if any.
        check_scripts_load({op: path.read_bytes() for op, path in scripts.items() if path.exists()})
        scenarios = scenarios_of(ops_of(opened, plan), layers[0], plan)
        sweep = Sweep(opened, plan, provenance, scenarios, COLLECTORS, progress)
        return _measured(sweep, own, of_run, progress)


def _checked(options: RunOptions | None) -> RunOptions:
    check_type("options", options, RunOptions, NoneType)
    return options or RunOptions()


def _measured(sweep: Sweep, own: OwnDevice, of_run: Locks, progress: RunProgress) -> ProfileResult:
    """Measure a sweep on a device that is held, with the locks of its run."""
    folder = sweep.run.folder
    progress.notice(f"run: {folder}")
    sweep = replace(sweep, kept_fds=of_run + own.locks, watch=own.watch)
    try:
        with kept_recorder() as record:
            summaries = tuple(replace(sweep, open_recorder=record).measure())
    except KeyboardInterrupt:
        way_on = f"go on with: moeprof profile {folder} --resume"
        raise KeyboardInterrupt(way_on) from None
    return ProfileResult(folder, summaries, tuple(_warnings(summaries)))


def _warnings(summaries: tuple[OpSummary, ...]) -> list[str]:
    warnings: list[str] = []
    for summary in summaries:
        warnings += failures_of(summary)
        warnings += [f"{summary.op}: {text}" for text in dict.fromkeys(summary.warnings)]
    disturbed = sum(summary.disturbed for summary in summaries)
    if disturbed:
        warnings.append(
            f"the device was not quiet during {disturbed} repeats and loads; points are flagged"
        )
    return warnings
