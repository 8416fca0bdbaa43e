"""One block of the power pass: steady loads of one operation in one process, with sensors recorded.

The script computes in its own process, and this one records the sensors: each load is begun, held
until its power has settled and is known well enough, and stopped. Then its log is evaluated: a load
that has no energy, because NVML was lost or for any other reason (energy/faults.py names them), is
recorded as failed with that reason. The next load is tried all the same, and a resumed run tries
the failed ones again.
"""

import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np

from ...device.nvml import ENERGY
from ...energy.faults import own_processes
from ...energy.per_launch import metered_load
from ...energy.power_log import POWER_LOG, Series, read_power_log
from ...energy.window import is_enough
from ...scenarios.plan import REFERENCES, USUAL_LOAD_S, block_s
from ...scenarios.script import LOAD_S
from ...store.errors import CannotMeasure
from ...store.recording import CollectorName, Failure, Load, Recording
from ..budget.budget import Budget
from ..host_clock import monotonic_s, sleep_s
from ..job import Job
from ..log_file import new_log
from ..process.line_process import ProcessEnded
from ..record import Outcome, Unit, record
from ..schedule.repeat import Repeat
from ..script_client import Refused, ScriptClient
from ..worker import MAX_EMPTY_SESSIONS, NOTHING_MEASURED
from .sensor_log import Row
from .sensor_recorder import RecorderEnded
from .sensors import LOG_TOOL, OpenRecorder, RecordedRows

_POLL_S: Final = 0.03  # between two checks of the counter's readings while a load runs


@dataclass(slots=True)
class _Process:
    """One process of the isolated script, as its recordings describe it."""

    job: Job
    exit_code: int | None = None
    has_ended: bool = False
    has_measured: bool = False
    started_utc_ns: int = field(init=False)

    def __post_init__(self) -> None:
        self.started_utc_ns = self.job.clock.epoch_ns()

    @property
    def command(self) -> list[str]:
        """Command that was run."""
        return self.job.script("--serve")


@dataclass(slots=True)
class Block:
    """The loads of one operation that are to run in one process, or in more where it ends.

    Loads that are still in `waiting` after `collect` would not have ended before `deadline_s`, a
    time of the monotonic clock.
    """

    job: Job
    open_recorder: OpenRecorder
    number: int
    waiting: deque[Repeat]
    deadline_s: float
    _can_refer: bool = True

    def collect(self) -> Iterator[Recording]:
        """Run the loads; yield a recording of each as soon as its log is written."""
        empty = 0
        while self.waiting and self._budget.has(block_s(1)):
            process = _Process(self.job)
            try:
                yield from self._run(process)
            except CannotMeasure as refusal:
                yield self._give_up(process, refusal.message)
            except ProcessEnded as end:
                yield self._give_up(process, f"the script does not start: {end}")
            empty = 0 if process.has_measured else empty + 1
            if empty == MAX_EMPTY_SESSIONS and self.waiting:
                yield self._give_up(process, NOTHING_MEASURED)

    @property
    def _budget(self) -> Budget:
        return Budget(self.deadline_s, self.job.clock)

    def _run(self, process: _Process) -> Iterator[Recording]:
        """Run one process until no load is waiting or the process ends.

        Raises ProcessEnded where it does not start, CannotMeasure where there are no sensors.
        """
        limit_s = self.job.plan.point_timeout_s
        log = new_log(self.job.run, self.job.op_plan.op)
        with ScriptClient(process.command, limit_s, self.job.kept_fds, log, self._budget) as script:
            script.start()
            idle = f"{self.job.op_plan.op}-idle@{self.number}"
            if not self._is_recorded(idle):
                yield self._measure(process, idle, partial(script.begin_idle, self.number), script)
            yield from self._run_loads(process, script)
            yield from self._refer(process, script)
            if not process.has_ended:
                process.exit_code = script.finish()

    def _run_loads(self, process: _Process, script: ScriptClient) -> Iterator[Recording]:
        """Run loads until none is waiting or the process ends, with reference loads in between."""
        part, done = ceil(len(self.waiting) / (REFERENCES - 1)), 0
        needed_s = 2 * USUAL_LOAD_S  # this load, and the reference load that ends the block
        while self.waiting and not process.has_ended and self._budget.has(needed_s):
            if done % part == 0:
                yield from self._refer(process, script)
                if process.has_ended:
                    return
            done += 1
            repeat = self.waiting[0]
            self.job.on_point(repeat)
            key = self.job.schedule.key(repeat)
            begin = partial(script.begin_load, repeat.tokens, repeat.number, key)
            recording = self._measure(process, f"{key}@{repeat.number}", begin, script, repeat)
            self.waiting.popleft()
            yield recording

    def _refer(self, process: _Process, script: ScriptClient) -> Iterator[Recording]:
        """Hold the reference load, under the first number that the run does not have yet.

        One that has ended a process is not tried again in this block.
        """
        if process.has_ended or not self._can_refer:
            return
        units = ((f"{self.job.op_plan.op}-reference@{number}", number) for number in count())
        unit, number = next(one for one in units if not self._is_recorded(one[0]))
        yield self._measure(process, unit, partial(script.begin_reference, number), script)
        self._can_refer = not process.has_ended

    def _is_recorded(self, unit: str) -> bool:
        return (self.job.run.unit(CollectorName.POWER, unit) / "recording.json").exists()

    def _measure(
        self,
        process: _Process,
        name: str,
        begin: Callable[[], int],
        script: ScriptClient,
        repeat: Repeat | None = None,
    ) -> Recording:
        """Hold what `begin` begins, and record what became of it as the unit `name`.

        It is a load of the operation where it has a `repeat`. Raises CannotMeasure where there are
        no sensors.
        """
        log = self._empty_folder(name) / POWER_LOG
        outcomes: list[Outcome | Load] = []
        try:
            load = self._hold(script, begin, log)
            outcomes.append(load)
            process.has_measured = True
            reason = self._fault(log, load)
        except ProcessEnded as end:
            process.has_ended, reason = True, str(end)
        except (Refused, RecorderEnded) as failed:
            reason = str(failed)
        except CannotMeasure:
            shutil.rmtree(log.parent)  # nothing was recorded
            raise
        warnings: list[str] = []
        if reason is not None and repeat is not None:
            outcomes.append(self._failure(repeat, reason))
        elif reason is not None:
            warnings.append(f"{name}: {reason}")
        unit = Unit(CollectorName.POWER, name, [POWER_LOG])
        return record(process, outcomes, unit, LOG_TOOL, warnings)

    def _empty_folder(self, name: str) -> Path:
        folder = self.job.run.unit(CollectorName.POWER, name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def _hold(self, script: ScriptClient, begin: Callable[[], int], log: Path) -> Load:
        """Hold a load until its power is known well enough, for `LOAD_S` at most."""
        with self.open_recorder(self.job.provenance, log) as recorder:
            begin_ns = begin()
            look = self.job.watch.begin((*script.processes, *recorder.processes))
            self._wait(recorder, begin_ns)
            surroundings = look()
            return replace(script.stop(), surroundings=surroundings)

    def _wait(self, recorder: RecordedRows, begin_ns: int) -> None:
        end_s = monotonic_s(self.job.clock) + LOAD_S
        while monotonic_s(self.job.clock) < end_s and not _is_known(recorder.rows(), begin_ns):
            sleep_s(self.job.clock, _POLL_S)

    def _fault(self, log: Path, load: Load) -> str | None:
        processes = own_processes(self.job.provenance)
        return metered_load(read_power_log(log), load, processes).cost.reason

    def _failure(self, repeat: Repeat, reason: str) -> Failure:
        return Failure(self.job.schedule.key(repeat), repeat.number, reason)

    def _give_up(self, process: _Process, reason: str) -> Recording:
        """Fail every load that waits, for one reason."""
        failures = [self._failure(repeat, reason) for repeat in self.waiting]
        self.waiting.clear()
        unit = Unit(CollectorName.POWER, f"{self.job.op_plan.op}-given-up@{self.number}")
        return record(process, failures, unit, LOG_TOOL)


def _is_known(rows: Sequence[Row], begin_ns: int) -> bool:
    """Whether the counter's readings are enough for the power of a load begun at `begin_ns`."""
    mine = [row for row in rows if row[2] == ENERGY and row[0] >= begin_ns and row[4] is not None]
    if not mine:
        return False
    begins, ends, _, codes, values = (np.array(column) for column in zip(*mine, strict=True))
    counter = Series(begins, ends, codes, values.astype(np.float64))
    return is_enough(counter, begin_ns, ends[-1])
