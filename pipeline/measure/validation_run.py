"""A validation run: what a model predicts, measured again at sizes that its fit never saw.

Its folder is `nvml` (then `nvml-2` and so on) inside the folder of the model's run. It is a run
like any other, with copies of the same scripts, so that the same code is measured; its only sizes
are those that the model's run held out, each of them also under a load in the power pass, and it
ends with a mixed workload. Only recordings are made here: compare/ judges them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from ...device.identity import choose_device
from ...profiler.collectors.registry import COLLECTORS
from ...profiler.lock import run_lock
from ...profiler.power.mixed_workload import record_mixed_workload
from ...profiler.power.sensors import OpenRecorder, check_sensors
from ...profiler.schedule.op_summary import OpSummary
from ...profiler.sweep import Sweep
from ...scenarios.mixed_workload import NAME, render_mixed_workload
from ...scenarios.plan import BLOCKS
from ...scenarios.run_files import begin_run, copied_files
from ...scenarios.run_options import RunOptions
from ...scenarios.trust import NoKey, check_trusted
from ...store.errors import BadInput, CannotMeasure
from ...store.plan import OpPlan, Plan, PowerPlan
from ...store.provenance import Provenance
from ...store.recording import CollectorName
from ...store.run import Run
from ...store.scenario import Scenario
from ...store.verdicts.verdict import HOLD_OUT_MORE
from .progress import RunProgress
from .quiet import OwnDevice
from .renewed_scripts import renew_scripts
from .resolve import described_at
from .sweep import device_alone

FOLDER: Final = "nvml"
_ELSEWHERE: Final = "what was recorded on its own machine can be judged here: --against RUN"

Sizes = Mapping[str, Mapping[int, Scenario]]


@dataclass(frozen=True, slots=True)
class ValidationRun:
    """A validation run that can be measured here; `energy_from` names the source of energy."""

    run: Run
    plan: Plan
    scenarios: Sizes
    provenance: Provenance
    energy_from: str
    resumed: bool
    sensors: OpenRecorder

    @contextmanager
    def alone(self, progress: RunProgress, options: RunOptions) -> Iterator[OwnDevice]:
        """Hold the run and the device in the block, as `own_device` does with these options.

        Raises BadInput if refused.
        """
        with (
            run_lock(self.run) as of_run,
            device_alone(self.plan, self.provenance, progress, options) as own,
        ):
            yield replace(own, locks=of_run + own.locks)

    def measure(self, progress: RunProgress, own: OwnDevice) -> list[OpSummary]:
        """Measure the held-out sizes that the run does not hold yet."""
        renew_scripts(self.run, self.plan, self.provenance.cache_bytes, progress.notice)
        return Sweep(
            self.run,
            self.plan,
            self.provenance,
            {op: sizes.__getitem__ for op, sizes in self.scenarios.items()},
            COLLECTORS,
            progress,
            self.sensors,
            kept_fds=own.locks,
            watch=own.watch,
        ).measure()

    def replay(self, own: OwnDevice) -> tuple[str, ...]:
        """Record the mixed workload; return its warnings."""
        recording = record_mixed_workload(
            self.run, self.provenance, self.sensors, own.locks, own.watch
        )
        return recording.warnings


def open_validation(
    own: Run, device_name: str, sensors: OpenRecorder, *, trust: bool = False
) -> ValidationRun:
    """Go on with the unfinished validation run of the run `own`, or begin one.

    A validation run without a mixed workload is unfinished. Raises CannotMeasure where no energy
    can be read, and BadInput where this is not the device called `device_name`, where `own` held
    out no size that it measured, or where files of either run that would be executed are not this
    user's and `trust` does not say that they may be; nothing is written before.
    """
    measured = own.plan()
    provenance = _device_of(measured)
    if provenance.device_name != device_name:
        raise BadInput(
            f"the model was measured on {device_name}, and {measured.device} here is"
            f" {provenance.device_name}",
            hint="a model is held against measurements of the same device",
        )
    energy_from = _energy_from(provenance)
    scenarios = _held_out(own, measured)
    check_trusted(own, measured, trust=trust)
    unfinished = _unfinished(own)
    if unfinished is not None:
        unfinished.check_confined()
        check_trusted(unfinished, unfinished.plan(), trust=trust)
    run = unfinished or _begin(own, _plan(measured, scenarios))
    return ValidationRun(
        run, run.plan(), scenarios, provenance, energy_from, unfinished is not None, sensors
    )


def _device_of(measured: Plan) -> Provenance:
    """Describe the device of a plan. Raises CannotMeasure where it is not there."""
    try:
        device = choose_device(measured.device)
    except BadInput as missing:
        raise CannotMeasure(missing.message, hint=_ELSEWHERE) from missing
    return described_at(device, measured.threads, measured.power_limit_w)


def _energy_from(provenance: Provenance) -> str:
    """Name the source of energy. Raises CannotMeasure where there is none."""
    try:
        return check_sensors(provenance)
    except CannotMeasure as refusal:
        no_nvml = "" if provenance.gpu else "NVML measures no CPU, and "
        raise CannotMeasure(no_nvml + refusal.message, hint=refusal.hint or _ELSEWHERE) from refusal


def _held_out(own: Run, measured: Plan) -> Sizes:
    """Take the scenarios of each operation's held-out sizes from the recordings of `own`."""
    described: dict[str, dict[int, Scenario]] = {}
    for _, recording in own.recordings():
        sizes = {scenario.tokens: scenario for scenario in recording.scenarios}
        described.setdefault(recording.op, {}).update(sizes)
    held_out = {
        op.op: {size: described[op.op][size] for size in op.holdout if size in described[op.op]}
        for op in measured.ops
        if op.op in described
    }
    found = {op: sizes for op, sizes in held_out.items() if sizes}
    if not found:
        raise BadInput(
            f"{own.folder} held out no size that it measured, and sizes are needed that the fit"
            " never saw",
            hint=HOLD_OUT_MORE,
        )
    return found


def _plan(measured: Plan, scenarios: Sizes) -> Plan:
    """Change the plan of `measured` to its held-out sizes alone, each of them also under a load."""
    ops = tuple(_op_plan(op, scenarios[op.op]) for op in measured.ops if op.op in scenarios)
    return replace(
        measured,
        collectors=tuple(name for name in measured.collectors if name != CollectorName.NCU),
        isolation="op",
        sampling="all",
        budget_s=None,
        ops=ops,
        power=PowerPlan(max(2, *(len(op.holdout) for op in ops)), BLOCKS),
        power_reason=None,
        thermal_step=False,
    )


def _op_plan(op: OpPlan, sizes: Mapping[int, Scenario]) -> OpPlan:
    held_out = tuple(sorted(sizes))
    return replace(
        op, domain=held_out, first=(), holdout=held_out, calibration=(), spare_holdout=()
    )


def _unfinished(own: Run) -> Run | None:
    """Find the latest validation run without a mixed workload; None where there is none."""
    waiting = [
        Run(path.parent)
        for path in own.folder.glob(f"{FOLDER}*/plan.json")
        if not _replayed(Run(path.parent))
    ]
    # nvml, nvml-2 and so on: a later one has a larger number
    return max(waiting, key=lambda run: (len(run.folder.name), run.folder.name), default=None)


def _replayed(run: Run) -> bool:
    return any(
        one.collector == CollectorName.MIXED_WORKLOAD and one.files for _, one in run.recordings()
    )


def _begin(own: Run, plan: Plan) -> Run:
    """Write the folder of a new validation run."""
    files = copied_files(own, plan)
    scripts = {**files.scripts, NAME: render_mixed_workload(plan).encode()}

    def plan_called(name: str) -> Plan:
        return replace(plan, run_id=f"{plan.run_id}-{name}")

    def no_key(_: NoKey) -> None:
        """Say nothing: who has no key was told when `own` was begun."""

    return begin_run(own.folder, FOLDER, plan_called, replace(files, scripts=scripts), no_key)
