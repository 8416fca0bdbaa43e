"""A Recording of what one process of an isolated script left, ready to be kept in the run."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..store.recording import Failure, Load, PointTiming, Recording, sha256_of
from ..store.run import Run
from .job import Job

Outcome = PointTiming | Failure


@dataclass(frozen=True, slots=True)
class Tool:
    """What took the measurement: a name and a version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Unit:
    """Where a recording lies in the run, and the names of the raw files beside it."""

    collector: str
    name: str
    files: Sequence[str] = ()


class Process(Protocol):
    """The process whose outcomes a recording describes."""

    @property
    def job(self) -> Job:
        """The operation that the process measures, and its plan."""
        ...

    @property
    def command(self) -> list[str]:
        """Command that was run."""
        ...

    @property
    def exit_code(self) -> int | None:
        """Exit code; None while the process runs."""
        ...

    @property
    def started_utc_ns(self) -> int:
        """Start of the process, ns since 1970."""
        ...


def record(
    process: Process,
    outcomes: Sequence[Outcome | Load],
    unit: Unit,
    tool: Tool,
    warnings: Sequence[str] = (),
) -> Recording:
    """Describe some outcomes of a process, and the raw files of their unit, which are complete."""
    job = process.job
    keys = {outcome.scenario_key for outcome in outcomes}
    scenarios = (job.schedule.scenario_of(size) for size in job.op_plan.domain)
    folder = job.run.unit(unit.collector, unit.name)
    return Recording(
        unit=unit.name,
        op=job.op_plan.op,
        collector=unit.collector,
        tool=tool.name,
        tool_version=tool.version,
        command=_portable(process.command, job.run),
        exit_code=process.exit_code,
        started_utc_ns=process.started_utc_ns,
        ended_utc_ns=job.clock.epoch_ns(),
        scenarios=tuple(scenario for scenario in scenarios if scenario.key in keys),
        served=tuple(outcome for outcome in outcomes if isinstance(outcome, PointTiming)),
        failures=tuple(outcome for outcome in outcomes if isinstance(outcome, Failure)),
        warnings=tuple(warnings),
        files={name: sha256_of(folder / name) for name in unit.files},
        provenance=job.provenance,
        loads=tuple(outcome for outcome in outcomes if isinstance(outcome, Load)),
    )


def _portable(command: Sequence[str], run: Run) -> tuple[str, ...]:
    """Rewrite a command so that no path of this machine is in it."""
    programs = {command[0]: Path(command[0]).name, sys.executable: "python"}
    folder = f"{run.folder.absolute()}/"
    return tuple(programs.get(word, word.replace(folder, "")) for word in command)
