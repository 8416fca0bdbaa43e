"""One block of the power pass: loads of one operation in one process, its sensors recorded beside.

The process computes, and this one reads the sensors: each load is asked for, watched until its
power has settled and is known well enough, and told to stop. What was recorded is then looked at
once more: a load whose log gives no energy is a failure with its reason, and resuming tries it
again.
"""

import json
import shutil
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from ...device.nvml import ENERGY
from ...energy.per_launch import POWER_LOG, metered_load, own_processes
from ...energy.power_log import Series, read_power_log
from ...energy.steady import is_enough
from ...scenarios.script import LOAD_S
from ...store.errors import CannotMeasure
from ...store.recording import CollectorName, Failure, Load, Recording
from ..process import LineServer, ProcessEnded
from ..schedule.schedule import Repeat
from ..worker import FINISH_S, MAX_EMPTY_SESSIONS, START_S, Job, Outcome, Tool, record
from .sensor_recorder import SCHEMA, Row
from .sensors import OpenRecorder

_LOOK_S = 0.03  # between two looks at the counter while a load runs
_LOAD = TypeAdapter(Load)


class _Refused(Exception):
    """The script answered that it cannot run a load."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """One load to be asked for, and how its recording is called; a baseline has no visit."""

    name: str
    request: str
    visit: Repeat | None


@dataclass(slots=True)
class _Process:
    """One process of the isolated script, as its recordings describe it."""

    job: Job
    command: list[str]
    exit_code: int | None = None
    ended: bool = False
    fruitful: bool = False
    started_utc_ns: int = field(default_factory=time.time_ns)


@dataclass(slots=True)
class Block:
    """The loads of one operation that wait to be run in one process, or in more where it ends.

    What waits still when `collect` has ended was left by the deadline, on the clock of
    `time.monotonic`.
    """

    job: Job
    meter: OpenRecorder
    number: int
    waiting: deque[Repeat]
    deadline_s: float

    def collect(self) -> Iterator[Recording]:
        """Run the loads; yield a recording of each as soon as its log is written."""
        no_result = 0
        while self.waiting and time.monotonic() < self.deadline_s:
            process = _Process(self.job, self.job.script("--serve"))
            try:
                yield from self._serve(process)
            except CannotMeasure as refusal:
                yield self._give_up(process, refusal.message)
            except ProcessEnded as end:
                yield self._give_up(process, f"the script does not start: {end}")
            no_result = 0 if process.fruitful else no_result + 1
            if no_result == MAX_EMPTY_SESSIONS and self.waiting:
                reason = f"{MAX_EMPTY_SESSIONS} processes in a row measured nothing"
                yield self._give_up(process, reason)

    def _serve(self, process: _Process) -> Iterator[Recording]:
        """Run one process until nothing waits or it ends.

        Raises ProcessEnded where it does not start, CannotMeasure where the sensors are not there.
        """
        with LineServer(process.command) as server:
            server.answer(START_S)
            for unit in self._baselines():
                yield self._measure(process, server, unit)
            while self.waiting and not process.ended and time.monotonic() < self.deadline_s:
                visit = self.waiting[0]
                self.job.on_point(visit)
                name = f"{self.job.schedule.key(visit)}@{visit.number}"
                unit = _Unit(name, f"load {visit.tokens} {visit.number}", visit)
                recording = self._measure(process, server, unit)
                self.waiting.popleft()
                yield recording
            if not process.ended:
                process.exit_code = server.finish(FINISH_S)

    def _baselines(self) -> list[_Unit]:
        """What the process is to be measured with before its loads, and was not yet."""
        kinds = ("idle",) if self.job.plan.device == "cpu" else ("idle", "empty")
        units = [
            _Unit(f"{self.job.op_plan.op}-{kind}@{self.number}", f"{kind} {self.number}", None)
            for kind in kinds
        ]
        folder = self.job.run.unit
        return [
            unit
            for unit in units
            if not (folder(CollectorName.POWER, unit.name) / "recording.json").exists()
        ]

    def _measure(self, process: _Process, server: LineServer, unit: _Unit) -> Recording:
        """Hold one load while its sensors are recorded. Raises CannotMeasure without sensors."""
        folder = self.job.run.unit(CollectorName.POWER, unit.name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        outcomes: list[Outcome | Load] = []
        try:
            load = self._hold(server, unit.request, folder / POWER_LOG)
            outcomes.append(load)
            process.fruitful = True
            reason = self._fault(folder / POWER_LOG, load)
        except ProcessEnded as end:
            process.ended, reason = True, str(end)
        except _Refused as refusal:
            reason = str(refusal)
        if reason is not None and unit.visit is not None:
            outcomes.append(self._failure(unit.visit, reason))
        return record(
            process,
            outcomes,
            collector=CollectorName.POWER,
            unit=unit.name,
            tool=Tool(*SCHEMA.split("/")),
            files=[POWER_LOG],
            warnings=[f"{unit.request}: {reason}"] if reason and unit.visit is None else [],
        )

    def _hold(self, server: LineServer, request: str, log: Path) -> Load:
        """Let a load run until it has shown its power, or for as long as it may."""
        timeout_s = self.job.plan.point_timeout_s
        with self.meter(self.job.provenance, log) as metering:
            begun = json.loads(server.ask(request, timeout_s))
            if "error" in begun:
                raise _Refused(begun["error"])
            end_s = time.monotonic() + LOAD_S
            while time.monotonic() < end_s and not _shown(metering.rows(), begun["begin_ns"]):
                time.sleep(_LOOK_S)
            answer = json.loads(server.ask("stop", timeout_s))
        if "error" in answer:
            raise _Refused(answer["error"])
        return _LOAD.validate_python(answer)

    def _fault(self, log: Path, load: Load) -> str | None:
        processes = own_processes(self.job.provenance)
        return metered_load(read_power_log(log), load, processes).cost.reason

    def _failure(self, visit: Repeat, reason: str) -> Failure:
        return Failure(self.job.schedule.key(visit), visit.number, reason)

    def _give_up(self, process: _Process, reason: str) -> Recording:
        """Fail everything that waits, for one reason."""
        failures = [self._failure(visit, reason) for visit in self.waiting]
        self.waiting.clear()
        unit = f"{self.job.op_plan.op}-given-up@{self.number}"
        tool = Tool(*SCHEMA.split("/"))
        return record(process, failures, collector=CollectorName.POWER, unit=unit, tool=tool)


def _shown(rows: Sequence[Row], begin_ns: int) -> bool:
    """Whether the counter has shown enough of a load that runs since `begin_ns`."""
    mine = [row for row in rows if row[2] == ENERGY and row[0] >= begin_ns and row[4] is not None]
    if not mine:
        return False
    begins, ends, _, codes, values = (np.array(column) for column in zip(*mine, strict=True))
    counter = Series(begins, ends, codes, values.astype(np.float64))
    return is_enough(counter, begin_ns, ends[-1])
