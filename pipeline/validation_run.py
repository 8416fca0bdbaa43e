"""A validation run: what a model predicts, measured again at sizes that its fit never saw.

It lies in the folder of the run that the model was built from, as `nvml`, `nvml-2` and so on, and
is a run like any other: with the same scripts, so that the same code is measured, whose only sizes
are those that the model's run held out. Its power pass holds each of them, and at its end comes a
mixed replay. What is measured is only recorded here; compare/ judges it, now or later.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ..device.identity import choose_device, describe
from ..profiler.clocks import locked_sm_clock
from ..profiler.collectors.registry import COLLECTORS
from ..profiler.git import head
from ..profiler.lock import exclusive_lock
from ..profiler.power.mixed_workload import record_mixed_workload
from ..profiler.power.sensors import OpenRecorder, check_sensors, meter
from ..profiler.sweep import OpSummary, Progress, Sweep
from ..scenarios.mixed_workload import NAME, render_mixed_workload
from ..scenarios.plan import BLOCKS
from ..store.atomic import write_whole
from ..store.document import write_document
from ..store.errors import BadInput, CannotMeasure
from ..store.plan import OpPlan, Plan, PowerPlan
from ..store.provenance import Provenance
from ..store.recording import CollectorName
from ..store.run import Run, claim_run
from ..store.scenario import Scenario
from ..store.verdict import HOLD_OUT_MORE

FOLDER: Final = "nvml"
_ELSEWHERE: Final = "what was recorded on its own machine can be judged here: --against RUN"

Sizes = Mapping[str, Mapping[int, Scenario]]


@dataclass(frozen=True, slots=True)
class ValidationRun:
    """A validation run that can be measured here; `sensors` says what tells the energy."""

    run: Run
    plan: Plan
    scenarios: Sizes
    provenance: Provenance
    sensors: str
    resumed: bool
    meter: OpenRecorder

    def measure(self, progress: Progress) -> list[OpSummary]:
        """Measure the held-out sizes, as far as the run does not hold them yet."""
        scenarios = {op: sizes.__getitem__ for op, sizes in self.scenarios.items()}
        with self._held_clock():
            return Sweep(
                self.run, self.plan, self.provenance, scenarios, COLLECTORS, progress, self.meter
            ).measure()

    def replay(self) -> tuple[str, ...]:
        """Record the mixed replay; return what there is to warn of."""
        with self._held_clock(), exclusive_lock(self.provenance, self.run):
            return record_mixed_workload(self.run, self.provenance, self.meter).warnings

    def _held_clock(self) -> AbstractContextManager[None]:
        """Hold the GPU's clock where the model's run did."""
        if self.plan.sm_clock_mhz is None or self.provenance.gpu is None:
            return nullcontext()
        return locked_sm_clock(self.provenance.gpu.uuid, self.plan.sm_clock_mhz)


def open_validation(own: Run, device_name: str, sensors: OpenRecorder = meter) -> ValidationRun:
    """Go on with the unfinished validation run of the run `own`, or begin one.

    Unfinished is one without a mixed replay. Raises CannotMeasure where no energy can be read, and
    BadInput where this is not the device called `device_name` or where `own` held out no size that
    it measured: both before anything is written.
    """
    measured = own.plan()
    provenance = _provenance(measured)
    if provenance.device_name != device_name:
        raise BadInput(
            f"the model was measured on {device_name}, and {measured.device} here is"
            f" {provenance.device_name}",
            hint="a model is held against measurements of the same device",
        )
    told_by = _sensors(provenance)
    scenarios = _held_out(own, measured)
    plan = _plan(measured, scenarios)
    unfinished = _unfinished(own)
    run = _begin(own, plan, scenarios) if unfinished is None else unfinished
    return ValidationRun(
        run, run.plan(), scenarios, provenance, told_by, unfinished is not None, sensors
    )


def _provenance(measured: Plan) -> Provenance:
    """Describe the device of a plan. Raises CannotMeasure where it is not there."""
    try:
        device = choose_device(measured.device)
    except BadInput as missing:
        raise CannotMeasure(missing.message, hint=_ELSEWHERE) from missing
    commit, dirty = head(Path.cwd())
    return describe(device, measured.threads, git_commit=commit, git_dirty=dirty)


def _sensors(provenance: Provenance) -> str:
    """Say what tells the energy. Raises CannotMeasure where nothing does."""
    try:
        return check_sensors(provenance)
    except CannotMeasure as refusal:
        no_nvml = "" if provenance.gpu else "NVML measures no CPU, and "
        raise CannotMeasure(no_nvml + refusal.message, hint=refusal.hint or _ELSEWHERE) from refusal


def _held_out(own: Run, measured: Plan) -> Sizes:
    """Scenarios of the hold-out of each operation, as the recordings of `own` describe them."""
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
    """The plan of `measured` with its hold-out alone, each size of which is held under a load."""
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
    return replace(op, domain=held_out, first=(), holdout=held_out, calibration=())


def _unfinished(own: Run) -> Run | None:
    """The latest validation run that lacks its replay; None where there is none."""
    waiting = [
        Run(path.parent)
        for path in own.folder.glob(f"{FOLDER}*/plan.json")
        if not _replayed(Run(path.parent))
    ]
    return max(waiting, key=lambda run: run.plan_path.stat().st_mtime_ns, default=None)


def _replayed(run: Run) -> bool:
    return any(
        one.collector == CollectorName.MIXED_WORKLOAD and one.files for _, one in run.recordings()
    )


def _begin(own: Run, plan: Plan, scenarios: Sizes) -> Run:
    """Write everything that the measurement needs; the plan comes last, and makes it a run."""
    run = claim_run(own.folder, FOLDER)
    plan = replace(plan, run_id=f"{plan.run_id}-{run.folder.name}")
    for op_plan in plan.ops:
        write_whole(run.script(op_plan.op), own.script(op_plan.op).read_bytes())
        if op_plan.source is not None:
            write_whole(run.folder / op_plan.source, (own.folder / op_plan.source).read_bytes())
    write_whole(run.script(NAME), render_mixed_workload(plan))
    write_whole(run.preset_path, own.preset_path.read_bytes())
    write_document(run.plan_path, plan)
    return run
