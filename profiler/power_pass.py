"""The power pass of a sweep: after all times are taken, a few sizes of each operation under load.

Blocks come one after the other, each over all operations and in processes of its own, so that the
same size is measured again some minutes later: that spread is what its interval is made of.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ..parsers.power_loads import POWER
from ..parsers.run_tables import recording_tables
from ..store.plan import PowerPlan
from ..store.recording import Recording
from .agenda import Visit
from .anchors import block_visits, choose_anchors
from .meters import Meter
from .power_block import Block
from .serving import Job

_TRACERS: Final = ("nsys", "kineto")

Held = Sequence[tuple[Path, Recording]]


@dataclass(slots=True)
class PowerJob:
    """The loads of one operation: how many are held already, and what each block has to run."""

    job: Job
    blocks: list[deque[Visit]]
    recalled: int
    left: set[int] = field(default_factory=set)
    loads: int = field(init=False)

    def __post_init__(self) -> None:
        self.loads = self.recalled + self.waiting

    @property
    def op(self) -> str:
        """Name of the operation."""
        return self.job.op_plan.op

    @property
    def waiting(self) -> int:
        """Loads that were not run yet."""
        return sum(map(len, self.blocks))

    def collect(self, number: int, meter: Meter, deadline_s: float) -> Iterator[Recording]:
        """Run one block; sizes that the deadline leaves of the first are `left`."""
        if number >= len(self.blocks):
            return
        block = Block(self.job, meter, number, self.blocks[number], deadline_s)
        yield from block.collect()
        if number == 0:
            self.left = {visit.tokens for visit in block.waiting}


def power_job(
    job: Job, power: PowerPlan, held: Held, on_point: Callable[[Visit], None]
) -> PowerJob:
    """Choose the loads of an operation whose times are taken, without those of `held`.

    `held` are the recordings of the run, with their folders.
    """
    op = job.op_plan.op
    loads = [one for _, one in held if (one.collector, one.op) == (POWER, op)]
    done = {visit for recording in loads for visit in measured_visits(recording)}
    anchors = choose_anchors(job.agenda.fitted_sizes, kernels_of(op, held), power.anchors)
    blocks: list[deque[Visit]] = []
    recalled = 0
    for number in range(power.blocks if anchors else 0):
        visits = block_visits(anchors, number, power.blocks, f"{job.plan.seed} {op}")
        waiting = [one for one in visits if (job.agenda.key(one), one.number) not in done]
        recalled += len(visits) - len(waiting)
        blocks.append(deque(waiting))
    return PowerJob(replace(job, on_point=on_point), blocks, recalled)


def measured_visits(recording: Recording) -> set[tuple[str, int]]:
    """Scenario key and visit of each load of an operation that was recorded without a fault."""
    failed = {(lost.scenario_key, lost.visit) for lost in recording.failures}
    loads = ((load.scenario_key, load.visit) for load in recording.loads)
    return {(key, visit) for key, visit in loads if key is not None} - failed


def kernels_of(op: str, held: Held) -> dict[int, str]:
    """Kernels of each size of an operation, where the traces of a run tell them.

    A size whose calls differ in their kernels is not among them.
    """
    found: dict[int, set[str | None]] = {}
    for folder, recording in held:
        if recording.op != op or recording.collector not in _TRACERS:
            continue
        sizes = {scenario.key: scenario.tokens for scenario in recording.scenarios}
        pieces, _ = recording_tables(folder, recording)
        calls = next((piece for name, piece in pieces if name == "calls"), None)
        if calls is None:
            continue
        for call in calls.select(["scenario_key", "signature"]).to_pylist():
            found.setdefault(sizes[call["scenario_key"]], set()).add(call["signature"])
    alike = {size: kernels.pop() for size, kernels in found.items() if len(kernels) == 1}
    return {size: kernels for size, kernels in alike.items() if kernels is not None}
