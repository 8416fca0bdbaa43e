"""The `ncu` collector: hardware counters per kernel by Nsight Compute.

ncu replays each kernel once per pass, under clocks and caches of its own choosing: its times are
never used as latencies, and no energy is ever measured under it. The unit is a point.
"""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from ...store.recording import CollectorName, PointTiming, Recording, call_range
from .. import process
from ..schedule.schedule import Repeat
from ..worker import Job, Outcome, Session, Tool, record
from .collector import Probe

_PROBE_S = 60.0
_PROFILE_S = 300.0  # some forty passes over one call, and torch's start
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
        said = process.run([path, "--version"], timeout_s=_PROBE_S)
        if said.exit_code != 0:
            return Probe(False, f"{path} does not run: {said.last_words}")
        return Probe(True, f"ncu {_version(said.stdout)}")

    def collect(self, job: Job) -> Iterator[Recording]:
        """Yield a recording per planned size that is not recorded yet."""
        path = shutil.which("ncu")
        assert path is not None, "probed before"
        tool = Tool("ncu", _version(process.run([path, "--version"], timeout_s=_PROBE_S).stdout))
        while (visit := job.schedule.next()) is not None:
            job.on_point(visit)
            yield _profile(job, path, tool, visit)


def _profile(job: Job, ncu: str, tool: Tool, visit: Repeat) -> Recording:
    key = job.schedule.key(visit)
    folder = job.run.unit(NcuCollector.name, key)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    session = Session(job, _command(job, ncu, folder, key, visit), visit, no_result_before=0)
    said = process.run(session.command, timeout_s=_PROFILE_S)
    session.exit_code = said.exit_code
    reason = _export(ncu, folder) if said.exit_code is not None else "ncu did not end in time"
    outcome: Outcome
    if reason is None:
        now_ns = time.time_ns()
        outcome = PointTiming(key, visit.number, 1, (), session.started_utc_ns, now_ns)
        job.schedule.measured(visit, outcome)
    else:
        outcome = job.schedule.failed(visit, f"{reason}: {said.last_words}")
    files = [name for name in (_REPORT, _CSV) if (folder / name).is_file()]
    return record(session, [outcome], collector=CollectorName.NCU, unit=key, tool=tool, files=files)


def _command(job: Job, ncu: str, folder: Path, key: str, visit: Repeat) -> list[str]:
    """Profile the kernels of the first timed call alone, at the clocks that the GPU runs at."""
    return [
        ncu,
        "--set=detailed",
        "--clock-control=none",
        "--cache-control=none",
        "--target-processes=all",
        "--nvtx",
        f"--nvtx-include=moeprof@{call_range(key, 0, 0)}/",
        "--force-overwrite",
        f"--export={folder / _REPORT}",
        *job.script("--sizes", str(visit.tokens)),
    ]


def _export(ncu: str, folder: Path) -> str | None:
    """Write the raw page as CSV; None when it worked, else the reason that it did not."""
    report = folder / _REPORT
    if not report.is_file():
        return "ncu left no report"
    command = [ncu, "--import", str(report), "--csv", "--page", "raw", "--print-units", "base"]
    said = process.run(command, timeout_s=_PROFILE_S)
    if said.exit_code != 0 or not said.stdout.strip():
        return "ncu could not read its own report"
    (folder / _CSV).write_text(said.stdout, encoding="utf-8")
    return None


def _version(text: str) -> str:
    found = re.search(r"\d{4}\.\d+\.\d+", text)
    return found.group() if found else "unknown"
