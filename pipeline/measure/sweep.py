"""Around a sweep: the device to itself, set as the plan says, and its failures."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from ...profiler.schedule.op_summary import OpSummary
from ...profiler.settings.held import Settings, held
from ...profiler.sweep import ScenarioOf
from ...scenarios.catalogue import LoadedOp
from ...scenarios.operation import Operation
from ...scenarios.preset import Preset
from ...scenarios.run_options import RunOptions
from ...store.plan import Plan
from ...store.provenance import Provenance
from ...store.recording import CollectorName
from ...store.scenario import Scenario
from .progress import RunProgress
from .quiet import OwnDevice, own_device


@contextmanager
def device_alone(
    plan: Plan,
    provenance: Provenance,
    progress: RunProgress,
    options: RunOptions,
) -> Iterator[OwnDevice]:
    """Hold the device in the block, and its settings where the plan says so.

    Waits and raises as `own_device` does, before its settings are changed, and raises as
    `as_planned` does.
    """
    with (
        own_device(provenance.gpu, plan.run_id, progress, options) as own,
        as_planned(plan, provenance, progress.notice),
    ):
        yield own


@contextmanager
def as_planned(plan: Plan, provenance: Provenance, notice: Callable[[str], None]) -> Iterator[None]:
    """Hold the SM clock and the power limit of a plan in the block; report both changes.

    Raises BadInput for what the GPU does not have, and CannotMeasure where a change is refused, or
    did not last.
    """
    settings = Settings(plan.sm_clock_mhz, plan.power_limit_w)
    if settings == Settings() or provenance.gpu is None:
        yield
        return
    with held(provenance.gpu.uuid, settings):
        notice(f"for this sweep: {settings}")
        yield
    notice("the GPU's settings are put back")


def scenarios_of(ops: Sequence[LoadedOp], preset: Preset, plan: Plan) -> dict[str, ScenarioOf]:
    """Map each operation to its function from batch size to Scenario, by its name in the run.

    One without a preset of its own is at the sizes of `preset`.
    """
    return {
        loaded.name: partial(_scenario, loaded.operation, loaded.preset or preset, plan)
        for loaded in ops
    }


def failures_of(summary: OpSummary) -> list[str]:
    """List one sentence per failed point; failed loads of the power pass are counted by reason."""
    if summary.collector == CollectorName.THERMAL:
        return [f"no heat: the thermal step failed: {one.reason}" for one in summary.failures]
    if summary.collector != CollectorName.POWER:
        return [f"{failure.scenario_key}: {failure.reason}" for failure in summary.failures]
    reasons = Counter(failure.reason for failure in summary.failures)
    return [
        f"{summary.op}: no energy from {count} loads: {reason}"
        for reason, count in reasons.most_common()
    ]


def _scenario(operation: Operation, preset: Preset, plan: Plan, tokens: int) -> Scenario:
    return operation.scenario(preset, tokens, plan.dtype, plan.l2)
