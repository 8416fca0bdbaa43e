"""From the options of a run to its plan on this machine: device, preset, collectors, sensors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ...device.identity import choose_device, describe
from ...doctor.engines import absent_engines
from ...profiler.collectors.registry import choose_collectors
from ...profiler.git import head
from ...profiler.power.sensors import check_sensors
from ...scenarios.catalogue import left_out_of, takes_engines
from ...scenarios.grid import parse_batch_sizes
from ...scenarios.plan import ResolvedRun, check_options, make_plan
from ...scenarios.preset import Preset
from ...scenarios.run_options import RunOptions
from ...scenarios.shapes.chosen import chosen_layers, default_layer
from ...scenarios.shapes.operations import check_options_are_read, operations_at
from ...store.errors import CannotMeasure
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


def resolve(options: RunOptions, progress: RunProgress, *, alone: bool = False) -> PlannedRun:
    """Look up what the options stand for here, and plan the run; `alone` as of `load_ops`.

    `progress` receives the device, the collector and where energy comes from. Raises BadInput for
    an option that names nothing here, and CannotMeasure where a collector does not work.
    """
    device = choose_device(options.device)
    layers = chosen_layers(options, default_layer(device))
    collectors, reason = choose_collectors(options.collectors, device)
    absent = absent_engines(device, imported=takes_engines(options.ops))
    ops = operations_at(
        layers, lambda layer: load_ops(options.ops, layer, absent, alone=alone), options.l2
    )
    check_options(options, device)
    check_options_are_read(options, ops)
    batch_sizes = parse_batch_sizes(options.batch_sizes)
    progress.notice(f"device: {device}; preset: {', '.join(map(_told, layers))}")
    progress.notice(f"collector: {', '.join(collectors)} ({reason})")
    for sentence in left_out_of(options.ops, layers, absent):
        progress.notice(sentence)
    provenance = described_at(device, options.threads, options.power_limit_w)
    resolved = ResolvedRun(
        run_id=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{_named(layers)}-{device.replace(':', '')}",
        device=device,
        collectors=collectors,
        preset=layers[0],
        ops=ops,
        batch_sizes=batch_sizes,
        power_reason=_why_no_power(options.power, collectors, provenance, progress),
    )
    return PlannedRun(make_plan(options, resolved), resolved, provenance)


def _told(layer: Preset) -> str:
    """The name of a layer, with what is changed of its sizes; plan.json has where they are from."""
    changed = layer.source.partition("; ")[2]
    return f"{layer.name} ({changed})" if changed else layer.name


def describe_here(device: str, threads: int) -> Provenance:
    """Describe `device` ("cpu" or "cuda:N") and the commit of the current folder."""
    commit, dirty = head(Path.cwd())
    return describe(device, threads, git_commit=commit, git_dirty=dirty)


def described_at(device: str, threads: int, power_limit_w: int | None) -> Provenance:
    """Describe `device` as `describe_here`, at the power limit that a run is going to set."""
    here = describe_here(device, threads)
    if power_limit_w is None or here.gpu is None:
        return here
    return replace(here, gpu=replace(here.gpu, power_limit_w=float(power_limit_w)))


def plan_warnings(plan: Plan) -> tuple[str, ...]:
    """Warn where an operation holds out fewer sizes than a verdict on its times needs."""
    least = min(plan.ops, key=lambda op_plan: len(op_plan.holdout))
    if len(least.holdout) >= MIN_HELD_OUT or plan.collectors == (CollectorName.NCU,):
        return ()
    return (
        f"{len(least.holdout)} of {len(least.domain)} sizes of {least.op} are held out, and"
        f" `moeprof validate` needs {MIN_HELD_OUT}: name at least {MIN_SIZES} sizes",
    )


def _named(layers: Sequence[Preset]) -> str:
    """The first layer's name, and how many more there are."""
    more = f"-and-{len(layers) - 1}-more" if len(layers) > 1 else ""
    return f"{layers[0].name:.100}{more}"


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
