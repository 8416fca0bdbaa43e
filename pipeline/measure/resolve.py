"""From the options of a run to its plan on this machine: device, preset, collectors, sensors."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ...device.identity import choose_device, describe
from ...profiler.collectors.registry import choose_collectors
from ...profiler.git import head
from ...profiler.power.sensors import check_sensors
from ...scenarios.expert_loads import distribution_words
from ...scenarios.grid import parse_batch_sizes
from ...scenarios.plan import ResolvedRun, check_options, make_plan
from ...scenarios.preset import Preset, load_preset, read_preset
from ...scenarios.run_options import RunOptions
from ...store.errors import CannotMeasure, naming
from ...store.plan import Plan
from ...store.provenance import Provenance
from ...store.recording import CollectorName
from ...store.verdicts.verdict import MIN_HELD_OUT, MIN_SIZES
from .op_files import load_ops
from .progress import RunProgress

SWITCHED_OFF = "it was switched off by --no-power"
NO_TIMES = "the run takes no times"


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A plan with what it was made from; nothing is written yet."""

    plan: Plan
    resolved: ResolvedRun
    provenance: Provenance


def resolve(options: RunOptions, progress: RunProgress) -> PlannedRun:
    """Look up what the options stand for here, and plan the run.

    `progress` receives the device, the collector and where energy comes from. Raises BadInput for
    an option that names nothing here, and CannotMeasure where a collector does not work.
    """
    device = choose_device(options.device)
    preset = _preset(options, device)
    collectors, reason = choose_collectors(options.collectors, device)
    ops = tuple(load_ops(options.ops, preset))
    check_options(options, device)
    batch_sizes = parse_batch_sizes(options.batch_sizes)
    progress.notice(f"device: {device}; preset: {preset.name} ({preset.source})")
    progress.notice(f"collector: {', '.join(collectors)} ({reason})")
    provenance = describe_here(device, options.threads)
    resolved = ResolvedRun(
        run_id=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{preset.name}-{device.replace(':', '')}",
        device=device,
        collectors=collectors,
        preset=preset,
        ops=ops,
        batch_sizes=batch_sizes,
        power_reason=_why_no_power(options.power, collectors, provenance, progress),
    )
    return PlannedRun(make_plan(options, resolved), resolved, provenance)


def describe_here(device: str, threads: int) -> Provenance:
    """Describe `device` ("cpu" or "cuda:N") and the commit of the current folder."""
    commit, dirty = head(Path.cwd())
    return describe(device, threads, git_commit=commit, git_dirty=dirty)


def plan_warnings(plan: Plan) -> tuple[str, ...]:
    """Warn where an operation holds out fewer sizes than a verdict needs."""
    least = min(plan.ops, key=lambda op_plan: len(op_plan.holdout))
    if len(least.holdout) >= MIN_HELD_OUT:
        return ()
    return (
        f"{len(least.holdout)} of {len(least.domain)} sizes of {least.op} are held out, and"
        f" `moeprof validate` needs {MIN_HELD_OUT}: name at least {MIN_SIZES} sizes",
    )


def _preset(options: RunOptions, device: str) -> Preset:
    """The preset that is named, with the routing that is asked for."""
    preset = _named_preset(options, device)
    if options.routing is None:
        return preset
    with naming(f"--routing {options.routing}"):
        return replace(preset, routing=distribution_words(options.routing))


def _named_preset(options: RunOptions, device: str) -> Preset:
    if options.preset_file is not None:
        return read_preset(Path(options.preset_file))
    if options.preset is not None:
        return load_preset(options.preset)
    return load_preset("small" if device == "cpu" else "mixtral-8x7b")


def _why_no_power(
    wanted: bool, collectors: tuple[str, ...], provenance: Provenance, progress: RunProgress
) -> str | None:
    """Report where energy comes from; return why it is not measured, None where it is."""
    reason: str | None = None
    if not wanted:
        reason = SWITCHED_OFF
    elif collectors == (CollectorName.NCU,):
        reason = NO_TIMES
    else:
        try:
            progress.notice(f"energy: {check_sensors(provenance)}")
        except CannotMeasure as refusal:
            reason = refusal.message
    if reason is not None:
        progress.notice(f"energy: unavailable: {reason}")
    return reason
