"""How well this machine repeats a measurement: an A/A test of one point of a sweep.

Several processes run the same isolated script and time the same point in turns, so that a drift of
the machine affects all of them alike. As nothing differs between the processes, any difference of
their readings is noise. Its spread gives the number of readings that show a real change.
"""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from scipy.special import nctdtr, stdtrit

from ..device.cpu import last_level_cache_bytes
from ..profiler.process import ProcessEnded
from ..profiler.script_client import Refused, ScriptClient
from ..scenarios.catalogue import find_ops
from ..scenarios.plan import ResolvedRun, make_plan
from ..scenarios.preset import load_preset
from ..scenarios.run_files import rendered_files, write_run
from ..scenarios.run_options import RunOptions
from ..store.recording import CollectorName
from ..store.run import Run
from .check_result import CheckResult, Status

_OP: Final = "fc1"
_TOKENS: Final = 64
_PROCESSES: Final = 3
_ROUNDS: Final = 6
_START_S: Final = 60.0
_POINT_S: Final = 20.0

_CHANGES: Final = (0.01, 0.03, 0.05)
_LEVEL: Final = 0.05  # how often a difference may be seen where there is none, both sides
_POWER: Final = 0.8  # how often a true one is to be seen
_MAX_READINGS: Final = 10_000
_NOISY: Final = 0.02  # a spread above which a change of 3 % takes more than a handful of readings
_NORMAL_MAD: Final = 1.4826  # standard deviation of a normal distribution over its median deviation


@dataclass(frozen=True, slots=True)
class Noise:
    """Relative spread of one reading, and the largest difference of two processes' medians."""

    spread: float
    shift: float
    readings: int


def noise(device: str) -> CheckResult:
    """Measure the noise of `device` ("cpu" or "cuda:N"), in some eight seconds."""
    with TemporaryDirectory() as folder:
        return noise_of_script(write_script(Path(folder), device))


def noise_of_script(script: Path) -> CheckResult:
    """Measure the noise of one point of an isolated script."""
    try:
        readings_ns = _readings_ns([sys.executable, "-P", str(script), "--serve"])
    except (ProcessEnded, Refused, OSError) as reason:
        return CheckResult(
            "noise",
            Status.FAULT,
            f"{_OP} cannot be measured: {reason}",
            cost="no sweep runs",
            remedy="mend what the script says, or see the other findings",
        )
    return judge(noise_of(readings_ns))


def noise_of(readings_ns: Sequence[Sequence[float]]) -> Noise:
    """Noise of readings of the same point, a sequence per process, at least two of each.

    The spread is that of readings with a process each: 1.48 median absolute deviations from the
    process's median, which a single disturbed reading does not move, and the standard deviation of
    those medians, as the root of their squares' sum. Of three processes with six readings each it
    is known to some 40 %.
    """
    logs = [np.log(np.asarray(one, dtype=np.float64)) for one in readings_ns]
    medians = [float(np.median(one)) for one in logs]
    apart = np.concatenate([one - median for one, median in zip(logs, medians, strict=True)])
    within = _NORMAL_MAD * float(np.median(np.abs(apart)))
    spread = float(np.hypot(within, np.std(medians, ddof=1)))
    return Noise(spread, float(np.expm1(np.ptp(medians))), len(apart))


def readings_needed(spread: float, change: float) -> int | None:
    """Readings of each of two versions until a relative `change` is seen in 80 % of comparisons.

    By Student's two-sided test at the 5 % level, of readings with relative standard deviation
    `spread`; its power is that of the non-central t distribution. None above 10 000.
    """
    low, high = 1, 2
    while not _seen(spread, change, high):
        low, high = high, 2 * high
        if high > _MAX_READINGS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _seen(spread, change, middle) else (middle, high)
    return high


def judge(found: Noise) -> CheckResult:
    """Say what noise costs: the readings that a change of 1, 3 and 5 % takes."""
    needed = [readings_needed(found.spread, change) for change in _CHANGES]
    quiet = found.spread <= _NOISY
    evidence = (
        f"{found.readings} readings of {_OP} b={_TOKENS} in {_PROCESSES} equal processes: spread"
        f" {found.spread:.2%}, processes apart by up to {found.shift:.2%}; a change of 1 / 3 / 5 %"
        f" shows after {' / '.join(str(count or 'too many') for count in needed)} readings of each"
        f" version (power {_POWER:.0%}, level {_LEVEL:.0%})"
    )
    readings = {f"readings_for_{change * 100:.0f}_percent": count
                for change, count in zip(_CHANGES, needed, strict=True)}  # fmt: skip
    return CheckResult(
        "noise",
        Status.OK if quiet else Status.WARNING,
        evidence,
        cost="" if quiet else "small changes take many readings, and points have wide intervals",
        remedy="" if quiet else "end other programs; on a CPU, hold its frequency still",
        values={"spread_ratio": found.spread, "shift_ratio": found.shift, **readings},
    )


def _seen(spread: float, change: float, readings: int) -> bool:
    freedom = 2 * (readings - 1)
    away = float(np.log1p(change)) / (max(spread, 1e-9) * np.sqrt(2 / readings))
    critical = float(stdtrit(freedom, 1 - _LEVEL / 2))
    return away > 10 * critical or 1 - float(nctdtr(freedom, away, critical)) >= _POWER


def write_script(folder: Path, device: str) -> Path:
    """Write a run of one point into `folder`; return the path of its isolated script."""
    ops = tuple(find_ops(_OP))
    resolved = ResolvedRun(
        run_id="doctor",
        device=device,
        collectors=(CollectorName.CPU,),
        preset=load_preset("small" if device == "cpu" else "mixtral-8x7b"),
        ops=ops,
        batch_sizes=(_TOKENS,),
        power_reason="the check takes times alone",
    )
    plan = make_plan(RunOptions(sampling="all"), resolved)
    cache_bytes = last_level_cache_bytes() if device == "cpu" else None
    write_run(Run(folder), plan, rendered_files(plan, resolved.preset, ops, cache_bytes))
    return Run(folder).script(_OP)


def _readings_ns(command: list[str]) -> list[list[float]]:
    """Median time of a call in each round of each process, ns; a first round to warm up is dropped.

    Raises ProcessEnded where a process does not start or answer, Refused where the script fails.
    """
    readings_ns: list[list[float]] = [[] for _ in range(_PROCESSES)]
    with ExitStack() as stack:
        scripts = [stack.enter_context(ScriptClient(command, _POINT_S)) for _ in readings_ns]
        for script in scripts:
            script.start(_START_S)
        for number in range(_ROUNDS + 1):
            for script, mine in zip(scripts, readings_ns, strict=True):
                timing = script.time(_TOKENS, number)
                if number:
                    mine.append(float(np.median(timing.calls_ns)))
    return readings_ns
