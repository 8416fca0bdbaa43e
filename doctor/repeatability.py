"""How well this machine repeats a measurement: an A/A test of one point of a sweep.

Several processes run the same isolated script and time the same point in turns, so that a drift of
the machine affects all of them alike. As nothing differs between the processes, any difference of
their readings is noise. Its spread gives the number of readings that show a real change.
"""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np

from ..profiler.lock import Locks
from ..profiler.process.line_process import ProcessEnded
from ..profiler.script_client import Refused, ScriptClient
from ..stats.repeatability import (
    LEVEL,
    POWER,
    Repeatability,
    readings_needed,
    repeatability_of,
)
from ..store.disk.temporary import scratch_folder
from .check_result import CheckResult, Status
from .script_trial import write_scripts

_OP: Final = "fc1"
_TOKENS: Final = 64
_PROCESSES: Final = 3
_ROUNDS: Final = 6
_START_S: Final = 60.0
_POINT_S: Final = 20.0

_CHANGES: Final = (0.01, 0.03, 0.05)
_NOISY: Final = 0.02  # a spread above which a change of 3 % takes more than a handful of readings


def noise(device: str, locks: Locks = ()) -> CheckResult:
    """Measure the noise of `device` ("cpu" or "cuda:N"), in some eight seconds.

    Its processes keep the descriptors `locks` open.
    """
    with scratch_folder() as folder:
        (script,) = write_scripts(folder, device, [_OP], _TOKENS)
        return noise_of_script(script, locks)


def noise_of_script(script: Path, locks: Locks = ()) -> CheckResult:
    """Measure the noise of one point of an isolated script."""
    try:
        readings_ns = _readings_ns([sys.executable, "-P", str(script), "--serve"], locks)
    except (ProcessEnded, Refused, OSError) as reason:
        return CheckResult(
            "noise",
            Status.FAULT,
            f"{_OP} cannot be measured: {reason}",
            cost="no sweep runs",
            remedy="mend what the script says, or see the other findings",
        )
    return judge(repeatability_of(readings_ns))


def judge(found: Repeatability) -> CheckResult:
    """Say how many readings it takes to detect a change of 1, 3 and 5 % in this noise."""
    needed = [readings_needed(found.spread, change) for change in _CHANGES]
    quiet = found.spread <= _NOISY
    evidence = (
        f"{found.readings} readings of {_OP} b={_TOKENS} in {_PROCESSES} equal processes: spread"
        f" {found.spread:.2%}, processes apart by up to {found.shift:.2%}; a change of 1 / 3 / 5 %"
        f" shows after {' / '.join(str(count or 'too many') for count in needed)} readings of each"
        f" version (power {POWER:.0%}, level {LEVEL:.0%})"
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


def _readings_ns(command: list[str], locks: Locks) -> list[list[float]]:
    """Median time of a call in each round of each process, ns; a first round to warm up is dropped.

    Raises ProcessEnded where a process does not start or answer, Refused where the script fails.
    """
    readings_ns: list[list[float]] = [[] for _ in range(_PROCESSES)]
    with ExitStack() as stack:
        scripts = [stack.enter_context(ScriptClient(command, _POINT_S, locks)) for _ in readings_ns]
        for script in scripts:
            script.start(_START_S)
        for number in range(_ROUNDS + 1):
            for script, mine in zip(scripts, readings_ns, strict=True):
                timing = script.time(_TOKENS, number)
                if number:
                    mine.append(float(np.median(timing.calls_ns)))
    return readings_ns
