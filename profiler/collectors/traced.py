"""Collecting under a tracer: the script runs inside it, and the trace is checked.

nsys and torch.profiler both end without an error when they have recorded nothing. A point counts
as measured only if every range that its script says it opened is in the trace and, on a GPU, if
the trace has kernels.
"""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ...parsers.events import Trace
from ...parsers.trace_tables import trace_tables
from ...store.errors import BadInput
from ...store.recording import MOST_LOST_CALLS, Failure, Recording
from ...store.tables.kept import keeping_tables
from ..job import Job
from ..record import Outcome, Tool, Unit, record
from ..schedule.repeat import Repeat
from ..worker import Session, sessions

NO_KERNEL: Final = "no CUDA kernel is in the trace"


class TraceFault(Exception):
    """The tracer left no trace that can be used; the message says why."""


class Tracer(Protocol):
    """A tool that writes a trace of a process into a folder, empty at the start.

    The last of its `files` is the one that is read.
    """

    tool: Tool
    files: tuple[str, ...]

    def command(self, job: Job, folder: Path) -> list[str]:
        """Command that runs the script under the tracer."""
        ...

    def finish(self, folder: Path) -> Trace:
        """Export the trace and read it. Raises TraceFault or BadInput where there is none."""
        ...


def collect_traced(job: Job, collector: str, tracer: Tracer) -> Iterator[Recording]:
    """Measure what a job's schedule asks for; yield a recording for each process."""
    folder = Path()

    def command_of(first: Repeat) -> list[str]:
        nonlocal folder
        folder = _fresh_folder(job, collector, first)
        return tracer.command(job, folder)

    for session in sessions(job, command_of, collector):
        for _ in session.run():
            pass
        yield _recording(session, collector, tracer, folder)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What a trace holds: ranges of calls by (scenario key, repeat), kernels in all, warnings."""

    calls: Mapping[tuple[str, int], int]
    kernels: int
    warnings: tuple[str, ...]


def _evidence(trace: Trace, path: Path, on_gpu: bool) -> _Evidence:
    """Count what a trace holds, and keep its tables beside it for those who read it later."""
    counted: Counter[tuple[str, int]] = Counter()
    with keeping_tables(path) as tables:
        for name, piece in trace_tables(trace, path.parent.name, on_gpu):
            tables.write(name, piece)
            if name == "calls":
                visits = (piece.column(each).to_pylist() for each in ("scenario_key", "visit"))
                counted.update(zip(*visits, strict=True))
    return _Evidence(counted, trace.kernels.num_rows, tuple(trace.warnings))


def _recording(session: Session, collector: str, tracer: Tracer, folder: Path) -> Recording:
    """Check the outcomes of an ended session against its trace; return them as a recording."""
    warnings: tuple[str, ...] = ()
    on_gpu = session.job.provenance.device != "cpu"
    try:
        evidence = _evidence(tracer.finish(folder), folder / tracer.files[-1], on_gpu)
    except (TraceFault, BadInput) as fault:
        outcomes: list[Outcome] = [_lost(one, str(fault)) for one in session.outcomes]
    else:
        outcomes = [_checked(outcome, evidence, on_gpu) for outcome in session.outcomes]
        warnings = evidence.warnings
    files = [name for name in tracer.files if (folder / name).is_file()]
    return record(session, outcomes, Unit(collector, folder.name, files), tracer.tool, warnings)


def _checked(outcome: Outcome, evidence: _Evidence, on_gpu: bool) -> Outcome:
    """The outcome; a Failure where the trace lacks its ranges or, on a GPU, holds no kernel."""
    if isinstance(outcome, Failure):
        return outcome
    found = evidence.calls.get((outcome.scenario_key, outcome.visit), 0)
    if not (1 - MOST_LOST_CALLS) * outcome.calls <= found <= outcome.calls:
        return _lost(outcome, f"{found} of {outcome.calls} ranges are in the trace")
    if on_gpu and evidence.kernels == 0:
        return _lost(outcome, NO_KERNEL)
    return outcome


def _lost(outcome: Outcome, reason: str) -> Failure:
    """Turn a timing that its trace does not confirm into a Failure."""
    if isinstance(outcome, Failure):
        return outcome
    return Failure(outcome.scenario_key, outcome.visit, reason)


def _fresh_folder(job: Job, collector: str, first: Repeat) -> Path:
    """Make an empty folder for the next recording; remove what an interrupted sweep left in it."""
    if job.plan.isolation == "point":
        folder = job.run.unit(collector, f"{job.schedule.key(first)}@{first.number}")
    else:
        number = 0
        while (job.run.unit(collector, f"{job.op_plan.op}.{number}") / "recording.json").exists():
            number += 1
        folder = job.run.unit(collector, f"{job.op_plan.op}.{number}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
