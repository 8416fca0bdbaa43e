"""The parts of the torture, one after the other; their figures go to a file."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from moeprof.tests.torture import blows, container, hostile, inputs, readers, sharing, sweep_kills
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
PARTS: Final[Mapping[str, Source]] = {
    "sweep-kills": Source(sweep_kills.jobs, _KILLED),
    "nsys-kills": Source(sweep_kills.nsys_jobs, _KILLED),
    "sweep-kill-points": Source(blows.sweep_kills, _KILLED),
    "command-kill-points": Source(blows.command_kills, _KILLED),
    "sweep-disk-errors": Source(blows.sweep_errors, _REFUSED),
    "command-disk-errors": Source(blows.command_errors, _REFUSED),
    "hostile-operations": Source(hostile.jobs, _HOSTILE),
    "hostile-op-files": Source(hostile.loading_jobs, _ANSWERED),
    "changed-inputs": Source(inputs.jobs, (Kind.FUZZ, Kind.HANG, Kind.MEMORY)),
    "two-users": Source(sharing.user_jobs, (*_ANSWERED, Kind.HARMED, Kind.BESIDE)),
    "three-sweeps": Source(sharing.sweep_jobs, (*_ANSWERED, Kind.HARMED, Kind.BESIDE)),
    "readers": Source(
        readers.jobs,
        (*_ANSWERED, Kind.TORN, Kind.TEMPORARY),
    ),
    "container": Source(container.jobs, (*_HOSTILE, *_KILLED)),
}


def run_course(setting: Setting, names: Sequence[str], workers: int, out: Path) -> int:
    """Run parts; write their figures to `out`; return 1 where one had a fault, else 0."""
    parts = []
    for name in names:
        heading = _heading(setting)
        parts.append(run_part(setting, name, workers).figures() | heading)
        out.write_text(json.dumps(heading | {"parts": parts}, indent=1) + "\n")
    shutil.rmtree(setting.folder, ignore_errors=True)
    return int(any(part["tries_with_faults"] for part in parts))


def run_part(setting: Setting, name: str, workers: int) -> Part:
    """Run the trials of one part, so many at once."""
    source, began_s = PARTS[name], time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        trials = tuple(one for some in pool.map(_run, source.jobs(setting)) for one in some)
    part = Part(name, source.kinds, trials, time.monotonic() - began_s)
    found = part.figures()
    CONSOLE.print(
        f"{name}: {found['tries']} tries, {found['tries_with_faults']} with a fault,"
        f" {found['wall_s']:.0f} s"
    )
    return part


def _run(job: Job) -> Sequence[Trial]:
    trials = job()
    for trial in trials:
        if trial.skipped:
            CONSOLE.print(f"  skipped: {trial.name}: {trial.skipped}")
        for kind, text in trial.faults[:_PRINTED]:
            CONSOLE.print(f"  FAULT {trial.name}: {kind}: {text}")
        if len(trial.faults) > _PRINTED:
            CONSOLE.print(f"  FAULT {trial.name}: and {len(trial.faults) - _PRINTED} more")
    return trials


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
