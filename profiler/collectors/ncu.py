"""The `ncu` collector: hardware counters per kernel by Nsight Compute.

ncu runs each kernel once per pass, some forty times, so its times are never used as latencies and
no energy is measured under it. What one pass leaves in the caches would serve the next, so where
the run's inputs are cold, ncu clears the caches before each pass. A recording holds a point.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

from ...store.recording import CollectorName, PointTiming, Recording, call_range
from ..job import Job
from ..process.run import run
from ..record import Outcome, Tool, Unit, record
from ..schedule.repeat import Repeat
from ..worker import Session
from .collector import Probe, literal_path

_PROBE_S = 60.0
_PROFILE_S = 300.0  # some forty passes over one call, and torch's start
_CACHE_CONTROL: Final = MappingProxyType({"cold": "all", "hot": "none"})
_REPORT = "report.ncu-rep"
_CSV = "counters.csv"


class NcuCollector:
    """Runs the isolated script once per planned size under `ncu` and exports its raw page."""

    name: ClassVar[str] = CollectorName.NCU

    def probe(self, device: str) -> Probe:
        """Say whether an ncu is on PATH and there is a GPU for it."""
        path = shutil.which("ncu")
        if path is None:
            return Probe(False, "no ncu on PATH")
        if device == "cpu":
            return Probe(False, "ncu reads GPU counters, and the device is the CPU")
        result = run([path, "--version"], timeout_s=_PROBE_S)
        if result.exit_code != 0:
            return Probe(False, f"{path} does not run: {result.last_words}")
        return Probe(True, f"ncu {_version(result.stdout)}")

    def collect(self, job: Job) -> Iterator[Recording]:
        """Yield a recording per planned size that is not recorded yet."""
        path = shutil.which("ncu")
        assert path is not None, "probed before"
        tool = Tool("ncu", _version(run([path, "--version"], timeout_s=_PROBE_S).stdout))
        while (repeat := job.schedule.next()) is not None:
            job.on_point(repeat)
            recording = _profile(job, path, tool, repeat)
            if recording is None:
                return
            yield recording


def _profile(job: Job, ncu: str, tool: Tool, repeat: Repeat) -> Recording | None:
    """Profile one size, and export its counters; None where the budget ended meanwhile."""
    key = job.schedule.key(repeat)
    folder = job.run.unit(NcuCollector.name, key)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    session = Session(job, _command(job, ncu, folder, repeat), repeat, empty_before=0)
    limit_s = job.schedule.budget.at_most(_PROFILE_S)
    result = run(session.command, timeout_s=limit_s, kept_fds=job.kept_fds)
    session.exit_code = result.exit_code
    ended = result.exit_code is not None
    reason = _export(ncu, folder, job) if ended else "ncu did not end in time"
    if reason is not None and job.schedule.budget.is_spent:
        shutil.rmtree(folder, ignore_errors=True)
        return None
    outcome: Outcome
    if reason is None:
        now_ns = job.clock.epoch_ns()
        outcome = PointTiming(key, repeat.number, 1, (), session.started_utc_ns, now_ns)
        job.schedule.measured(repeat, outcome)
    else:
        outcome = job.schedule.failed(repeat, f"{reason}: {result.last_words}")
    files = [name for name in (_REPORT, _CSV) if (folder / name).is_file()]
    passes = _passes(result.stdout, job.plan.l2)
    return record(session, [outcome], Unit(CollectorName.NCU, key, files), tool, passes)


def _command(job: Job, ncu: str, folder: Path, repeat: Repeat) -> list[str]:
    """Command that profiles the kernels of the first timed call, at the GPU's own clocks."""
    return [
        ncu,
        "--set=detailed",
        "--clock-control=none",
        f"--cache-control={_CACHE_CONTROL[job.plan.l2]}",
        "--target-processes=all",
        "--nvtx",
        # a push/pop range of the default domain, which torch's own NVTX writes to
        f"--nvtx-include={call_range(job.schedule.key(repeat), 0, 0)}/",
        "--force-overwrite",
        f"--export={literal_path(folder / _REPORT)}",
        *job.script("--sizes", str(repeat.tokens)),
    ]


def _export(ncu: str, folder: Path, job: Job) -> str | None:
    """Write the raw page as CSV; return why it could not, None where it could."""
    report = folder / _REPORT
    if not report.is_file():
        return "ncu left no report"
    command = [
        ncu,
        "--import",
        str(report.absolute()),
        "--csv",
        "--page",
        "raw",
        "--print-units",
        "base",
    ]
    result = run(command, timeout_s=job.schedule.budget.at_most(_PROFILE_S))
    if result.exit_code != 0 or not result.stdout.strip():
        return "ncu could not read its own report"
    (folder / _CSV).write_text(result.stdout, encoding="utf-8")
    return None


def _passes(printed: str, l2: str) -> list[str]:
    """How often ncu ran each kernel, as it prints it: "... - 38 passes"."""
    passes = sorted({int(count) for count in re.findall(r"- (\d+) pass(?:es)?\b", printed)})
    if not passes:
        return []
    caches = "caches cleared before each" if l2 == "cold" else "caches as the pass before left them"
    return [f"ncu ran each kernel in {' or '.join(map(str, passes))} passes, {caches}"]


def _version(text: str) -> str:
    found = re.search(r"\d{4}\.\d+\.\d+", text)
    return found.group() if found else "unknown"
