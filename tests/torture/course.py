"""The parts of the torture, whose jobs share the workers; their figures go to a file."""

import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from moeprof.tests.torture import (
    bisections,
    blows,
    container,
    hostile,
    inputs,
    readers,
    sharing,
    sweep_kills,
)
from moeprof.tests.torture.setting import Setting
from moeprof.tests.torture.trial import Job, Kind, Part, Trial

_PRINTED: Final = 3  # faults of one trial
CONSOLE = Console(highlight=False, soft_wrap=True, markup=False)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the trials of a part come from, and the kinds of fault that it looks for."""

    jobs: Callable[[Setting], Iterable[Job]]
    kinds: tuple[Kind, ...]


_KILLED = (Kind.LOST, Kind.DUPLICATED, Kind.HALF_WRITTEN, Kind.STALE, Kind.ORPHAN, Kind.TEMPORARY)
_ANSWERED = (Kind.OWN_FAULT, Kind.REFUSAL, Kind.HANG)
_REFUSED = (*_KILLED, *_ANSWERED)
_HOSTILE = (*_ANSWERED, Kind.HARMED, Kind.FORGED, Kind.NO_REASON, Kind.ORPHAN)
_Done = tuple[Sequence[Trial], float]  # what a job found, and the seconds that it took
# Long jobs come first, so that none is left alone at the end.
PARTS: Final[Mapping[str, Source]] = {
    "container": Source(container.jobs, (*_HOSTILE, *_KILLED)),
    "readers": Source(readers.jobs, (*_ANSWERED, Kind.TORN, Kind.TEMPORARY)),
    "changed-inputs": Source(inputs.jobs, (Kind.FUZZ, Kind.HANG, Kind.MEMORY)),
    "sweep-kills": Source(sweep_kills.jobs, _KILLED),
    "nsys-kills": Source(sweep_kills.nsys_jobs, _KILLED),
    "sweep-kill-points": Source(blows.sweep_kills, _KILLED),
    "command-kill-points": Source(blows.command_kills, _KILLED),
    "sweep-disk-errors": Source(blows.sweep_errors, _REFUSED),
    "command-disk-errors": Source(blows.command_errors, _REFUSED),
    "bisections": Source(bisections.jobs, _REFUSED),
    "hostile-operations": Source(hostile.jobs, _HOSTILE),
    "hostile-op-files": Source(hostile.loading_jobs, _ANSWERED),
    "two-users": Source(sharing.user_jobs, (*_ANSWERED, Kind.HARMED, Kind.BESIDE)),
    "three-sweeps": Source(sharing.sweep_jobs, (*_ANSWERED, Kind.HARMED, Kind.BESIDE)),
}


def run_course(setting: Setting, names: Sequence[str], workers: int, out: Path) -> int:
    """Run parts; write their figures to `out`; return 1 where one had a fault, else 0."""
    parts: list[dict[str, Any]] = []
    began_s, began_cpu_s = time.monotonic(), _cpu_s()
    with ThreadPoolExecutor(workers) as pool:
        running = {name: _begin(pool, setting, name) for name in names}
        try:
            for name, jobs in running.items():
                heading = _heading(setting)
                parts.append(_part(name, jobs).figures() | heading)
                took = {"wall_s": round(time.monotonic() - began_s, 1), "workers": workers}
                took["cpu_s"] = round(_cpu_s() - began_cpu_s, 1)
                out.write_text(json.dumps(heading | took | {"parts": parts}, indent=1) + "\n")
        finally:
            pool.shutdown(cancel_futures=True)
    CONSOLE.print(f"{took['wall_s']:.0f} s, {took['cpu_s']:.0f} s of CPU")
    shutil.rmtree(setting.folder, ignore_errors=True)
    return int(any(part["tries_with_faults"] for part in parts))


def _begin(pool: ThreadPoolExecutor, setting: Setting, name: str) -> "list[Future[_Done]]":
    return [pool.submit(_run, job) for job in PARTS[name].jobs(setting)]


def _part(name: str, jobs: "Sequence[Future[_Done]]") -> Part:
    """Wait for the jobs of a part, and say what they found."""
    done = [job.result() for job in jobs]
    trials = tuple(trial for trials, _ in done for trial in trials)
    part = Part(name, PARTS[name].kinds, trials, sum(seconds for _, seconds in done))
    found = part.figures()
    CONSOLE.print(
        f"{name}: {found['tries']} tries, {found['tries_with_faults']} with a fault,"
        f" jobs of {found['job_s']:.0f} s"
    )
    return part


def _run(job: Job) -> _Done:
    began_s = time.monotonic()
    trials = job()
    for trial in trials:
        if trial.skipped:
            CONSOLE.print(f"  skipped: {trial.name}: {trial.skipped}")
        for kind, text in trial.faults[:_PRINTED]:
            CONSOLE.print(f"  FAULT {trial.name}: {kind}: {text}")
        if len(trial.faults) > _PRINTED:
            CONSOLE.print(f"  FAULT {trial.name}: and {len(trial.faults) - _PRINTED} more")
    return trials, time.monotonic() - began_s


def _cpu_s() -> float:
    """CPU time of the processes that ended and were waited for, s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _heading(setting: Setting) -> dict[str, Any]:
    """What the figures are of."""
    commit = ["git", "-C", str(setting.code), "describe", "--always", "--dirty"]
    described = subprocess.run(commit, capture_output=True, text=True, timeout=60)
    return {
        "commit": described.stdout.strip() or "unknown",
        "size": str(setting.size),
        "seed": setting.seed,
        "cpus": len(os.sched_getaffinity(0)),
        "root": os.geteuid() == 0,
    }
