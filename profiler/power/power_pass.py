"""The power pass of a sweep: after all times are taken, a few sizes of each operation under load.

Blocks come one after the other, each over all operations and in processes of its own, so that the
same size is measured again some minutes later: that spread is what its interval is made of. Where
time is left in the end, the operations whose energy is known least closely have one more block.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from statistics import median
from typing import Final

from ...energy.per_launch import metered_loads
from ...energy.point_energies import PointEnergies
from ...parsers.recording_tables import recording_tables
from ...scenarios.plan import block_s
from ...store.plan import PowerPlan
from ...store.recording import CollectorName, Recording
from ..schedule.anchors import block_visits, choose_anchors
from ..schedule.schedule import Repeat
from ..worker import Job
from .block import Block
from .sensors import OpenRecorder

_TRACERS: Final = (CollectorName.NSYS, CollectorName.KINETO)

Held = Sequence[tuple[Path, Recording]]


@dataclass(slots=True)
class PowerJob:
    """The loads of one operation: how many are held already, and what each block has to run.

    Of the blocks `asked` are run in any case; the rest are spare.
    """

    job: Job
    blocks: list[deque[Repeat]]
    asked: int
    recalled: int
    left: set[int] = field(default_factory=set)
    _lengths: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._lengths = [len(block) for block in self.blocks]

    @property
    def op(self) -> str:
        """Name of the operation."""
        return self.job.op_plan.op

    @property
    def loads(self) -> int:
        """Loads that are held already, and those of the blocks that are asked for."""
        return self.recalled + sum(self._lengths[: self.asked])

    @property
    def spare(self) -> int:
        """Loads of the spare blocks that were not run yet."""
        return sum(map(len, self.blocks[self.asked :]))

    @property
    def waiting(self) -> int:
        """Loads that are asked for and were not run yet."""
        return sum(map(len, self.blocks[: self.asked]))

    def collect(self, number: int, meter: OpenRecorder, deadline_s: float) -> Iterator[Recording]:
        """Run one block; sizes that the deadline leaves of the first are `left`."""
        if number >= len(self.blocks):
            return
        self.asked = max(self.asked, number + 1)
        block = Block(self.job, meter, number, self.blocks[number], deadline_s)
        yield from block.collect()
        if number == 0:
            self.left = {visit.tokens for visit in block.waiting}

    def collect_spare(self, meter: OpenRecorder, deadline_s: float) -> Iterator[Recording]:
        """Run the spare blocks that end before the deadline, on the clock of `time.monotonic`."""
        for number in range(self.asked, len(self.blocks)):
            loads = len(self.blocks[number])
            if loads and time.monotonic() + block_s(loads) <= deadline_s:
                yield from self.collect(number, meter, deadline_s)


def power_job(
    job: Job, power: PowerPlan, held: Held, on_point: Callable[[Repeat], None]
) -> PowerJob:
    """Choose the loads of an operation whose times are taken, without those of `held`.

    `held` are the recordings of the run, with their folders.
    """
    op = job.op_plan.op
    loads = [one for _, one in held if (one.collector, one.op) == (CollectorName.POWER, op)]
    done = {visit for recording in loads for visit in measured_visits(recording)}
    anchors = choose_anchors(job.schedule.fitted_sizes, kernels_of(op, held), power.anchors)
    blocks: list[deque[Repeat]] = []
    recalled = 0
    for number in range(power.max_blocks if anchors else 0):
        visits = block_visits(anchors, number, power.max_blocks, f"{job.plan.seed} {op}")
        waiting = [one for one in visits if (job.schedule.key(one), one.number) not in done]
        recalled += len(visits) - len(waiting)
        blocks.append(deque(waiting))
    return PowerJob(replace(job, on_point=on_point), blocks, power.blocks, recalled)


def least_known_first(turns: Sequence[PowerJob], held: Held) -> list[PowerJob]:
    """The operations that have any energy, those with the widest intervals before the others.

    `held` are the recordings of the run, with their folders.
    """
    widths = {turn.op: _width(turn, held) for turn in turns}
    known = [turn for turn in turns if widths[turn.op] is not None]
    return sorted(known, key=lambda turn: widths[turn.op] or 0.0, reverse=True)


def _width(turn: PowerJob, held: Held) -> float | None:
    """Median relative half width of the energies of an operation; None where it has none."""
    energies = PointEnergies(turn.job.plan)
    for folder, recording in held:
        if (recording.collector, recording.op) == (CollectorName.POWER, turn.op):
            energies.add(recording, metered_loads(folder, recording)[0])
    known = [row for row in energies.columns().values() if row.get("energy_mj") is not None]
    halves = [row["energy_mj_ci95"] or inf for row in known]
    widths = [half / row["energy_mj"] for half, row in zip(halves, known, strict=True)]
    return median(widths) if widths else None


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
