"""The power pass of a sweep: after all times are taken, a few sizes of each operation under load.

Blocks come one after the other, each over all operations and in processes of its own, so that a
size is measured again some minutes later: the spread of these gives its interval. Where time is
left in the end, the loads that were disturbed, failed, or disagree are run again; then the
operations whose energy is known least closely run the rest of that block. What is to be run again
follows from the recordings alone.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from statistics import median
from typing import Any, Final

from ...energy.per_launch import metered_loads
from ...energy.point_energies import PointEnergies
from ...parsers.recording_tables import recording_tables
from ...scenarios.plan import block_s
from ...store.flag import Flag, FlagCode
from ...store.plan import PowerPlan
from ...store.recorded.held import Recordings
from ...store.recording import CollectorName, Recording
from ..host_clock import monotonic_s
from ..job import Job
from ..schedule.anchors import block_repeats, choose_anchors
from ..schedule.repeat import Repeat
from .block import Block
from .sensors import OpenRecorder

_REPEATED: Final = (
    FlagCode.LOAD_WITHOUT_ENERGY,
    FlagCode.LOAD_DISTURBED,
    FlagCode.LOADS_DISAGREE,
)
_TRACERS: Final = (CollectorName.NSYS, CollectorName.KINETO)


@dataclass(slots=True)
class PowerJob:
    """The loads of one operation: those of `blocks` are still to be run.

    `recalled` is the number of loads that the run holds already. The first `asked` blocks are
    planned; the others are spare, and run only where time is left. `left` holds the sizes of the
    first block that were not loaded before its deadline.
    """

    job: Job
    open_recorder: OpenRecorder
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
        """Number of loads that the run holds already, and of those in the first `asked` blocks."""
        return self.recalled + sum(self._lengths[: self.asked])

    @property
    def spare(self) -> int:
        """Number of loads of the spare blocks that were not run yet."""
        return sum(map(len, self.blocks[self.asked :]))

    @property
    def waiting(self) -> int:
        """Number of loads in the first `asked` blocks that were not run yet."""
        return sum(map(len, self.blocks[: self.asked]))

    def collect(self, number: int, deadline_s: float) -> Iterator[Recording]:
        """Run one block until a deadline on the monotonic clock; yield each load's recording."""
        if number >= len(self.blocks):
            return
        self.asked = max(self.asked, number + 1)
        block = Block(self.job, self.open_recorder, number, self.blocks[number], deadline_s)
        yield from block.collect()
        if number == 0:
            self.left = {repeat.tokens for repeat in block.waiting}

    def collect_again(self, sizes: Collection[int], deadline_s: float) -> Iterator[Recording]:
        """Run some sizes of the next spare block, as many as are expected to end in time."""
        number = self.asked
        if number >= len(self.blocks):
            return
        again = deque(one for one in self.blocks[number] if one.tokens in sizes)
        while again and monotonic_s(self.job.clock) + block_s(len(again)) > deadline_s:
            again.pop()
        if again:
            self.recalled += len(again)
            self.blocks[number] = deque(one for one in self.blocks[number] if one not in again)
            self._lengths[number] = len(self.blocks[number])
            yield from Block(self.job, self.open_recorder, number, again, deadline_s).collect()

    def collect_spare(self, deadline_s: float) -> Iterator[Recording]:
        """Run the spare blocks that are expected to end before the deadline."""
        for number in range(self.asked, len(self.blocks)):
            loads = len(self.blocks[number])
            if loads and monotonic_s(self.job.clock) + block_s(loads) <= deadline_s:
                yield from self.collect(number, deadline_s)


def power_job(
    job: Job, open_recorder: OpenRecorder, held: Recordings, on_point: Callable[[Repeat], None]
) -> PowerJob:
    """Choose the loads of an operation whose times are taken, without those of `held`.

    `held` are the recordings of the run; its plan has a power pass.
    """
    op, power = job.op_plan.op, job.plan.power
    assert power is not None
    loads = [one for _, one in held if (one.collector, one.op) == (CollectorName.POWER, op)]
    done = {load for recording in loads for load in measured_loads(recording)}
    blocks: list[deque[Repeat]] = []
    recalled = 0
    for repeats in _blocks(job, power, held):
        waiting = [one for one in repeats if (job.schedule.key(one), one.number) not in done]
        recalled += len(repeats) - len(waiting)
        blocks.append(deque(waiting))
    return PowerJob(replace(job, on_point=on_point), open_recorder, blocks, power.blocks, recalled)


def _blocks(job: Job, power: PowerPlan, held: Recordings) -> list[list[Repeat]]:
    """All blocks of an operation, the spare ones last; none where nothing was timed."""
    op = job.op_plan.op
    anchors = choose_anchors(job.schedule.fitted_sizes, kernels_of(op, held), power.anchors)
    count = power.max_blocks if anchors else 0
    seed = f"{job.plan.seed} {op}"
    return [block_repeats(anchors, number, seed) for number in range(count)]


def run_planned(jobs: Sequence[PowerJob], blocks: int, deadline_s: float) -> Iterator[Recording]:
    """Run the planned blocks, each over all operations before the next."""
    for number in range(blocks):
        for job in jobs:
            yield from job.collect(number, deadline_s)


def run_spare(jobs: Sequence[PowerJob], held: Recordings, deadline_s: float) -> Iterator[Recording]:
    """Run again what needs it, as long as there is time; then the spare blocks that fit.

    The operations are taken in the order of `least_known_first`.
    """
    sizes = sizes_to_repeat(jobs, held)
    for job in sorted(jobs, key=lambda one: len(sizes[one.op]), reverse=True):
        yield from job.collect_again(sizes[job.op], deadline_s)
    for job in least_known_first([one for one in jobs if one.spare], held):
        yield from job.collect_spare(deadline_s)


def sizes_to_repeat(jobs: Sequence[PowerJob], held: Recordings) -> dict[str, set[int]]:
    """Sizes of each operation of which a load failed or was disturbed, or whose loads disagree."""
    rows = _energies(jobs, held)
    return {
        job.op: {
            size
            for size in job.job.schedule.fitted_sizes
            if (row := rows.get(job.job.schedule.key(Repeat(size, 0)))) is not None
            and (row["energy_reason"] is not None or _needs_repeat(row["flags"]))
        }
        for job in jobs
    }


def _needs_repeat(flags: Sequence[Flag]) -> bool:
    return any(flag.code in _REPEATED for flag in flags)


def _energies(jobs: Sequence[PowerJob], held: Recordings) -> dict[str, dict[str, Any]]:
    """Energy columns of the loads that a run holds, by scenario key."""
    if not jobs:
        return {}
    energies = PointEnergies(jobs[0].job.plan)
    for folder, recording in held:
        if recording.collector == CollectorName.POWER:
            energies.add(recording, metered_loads(folder, recording)[0])
    return energies.columns()


def least_known_first(jobs: Sequence[PowerJob], held: Recordings) -> list[PowerJob]:
    """The operations that have any energy, those with the widest intervals first."""
    widths = {job.op: _width(job, held) for job in jobs}
    known = [job for job in jobs if widths[job.op] is not None]
    return sorted(known, key=lambda job: widths[job.op] or 0.0, reverse=True)


def _width(power: PowerJob, held: Recordings) -> float | None:
    """Median relative half width of the energies of an operation; None where it has none."""
    energies = PointEnergies(power.job.plan)
    for folder, recording in held:
        if (recording.collector, recording.op) == (CollectorName.POWER, power.op):
            energies.add(recording, metered_loads(folder, recording)[0])
    known = [row for row in energies.columns().values() if row.get("energy_mj") is not None]
    halves = [row["energy_mj_ci95"] or inf for row in known]
    widths = [half / row["energy_mj"] for half, row in zip(halves, known, strict=True)]
    return median(widths) if widths else None


def measured_loads(recording: Recording) -> set[tuple[str, int]]:
    """Scenario key and repeat of each load of an operation that was recorded without a fault."""
    failed = {(lost.scenario_key, lost.visit) for lost in recording.failures}
    loads = ((load.scenario_key, load.visit) for load in recording.loads)
    return {(key, number) for key, number in loads if key is not None} - failed


def kernels_of(op: str, held: Recordings) -> dict[int, str]:
    """Kernels of each size of an operation, from the traces of a run.

    A size that was not traced, or whose calls differ in their kernels, is left out.
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
