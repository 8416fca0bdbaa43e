"""Runs one step, and tells what it finds in lines of JSON: a program of its own.

    python -P -m moeprof.pipeline.selftest.step_program STEP FOLDER SECONDS [DEVICE]

Each line on the socket MOEPROF_ANSWERS_FD is {"facts": …} with all that is found so far, {"notice":
…}, {"warning": …}, {"point": …} or {"end": …} of the progress, or the last one: {"outcome": …,
"reason": …}.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from ...device.identity import choose_device
from ...profiler.lock import SweepRunning
from ...profiler.process.line_process import ANSWERS_FD, ProcessEnded
from ...store.errors import CannotMeasure, MoeprofError
from .results import StepOutcome
from .schedule import STEPS
from .work import Message, StepFailed, Work


def main(name: str, folder: Path, seconds: float, device: str | None = None) -> None:
    """Run a step for so many seconds, on the `device` that the first step found, if any."""
    step = next(one for one in STEPS if one.name == name)
    work = Work(folder, time.monotonic() + seconds, _tell)
    outcome, reason = StepOutcome.DONE, None
    try:
        if step.source is None:  # one that has a source reads files alone
            _check_device(device)
        work.found(step.run(work))
    except (CannotMeasure, SweepRunning) as refusal:
        outcome, reason = StepOutcome.SKIPPED, refusal.message
    except (MoeprofError, StepFailed, ProcessEnded) as refusal:
        outcome, reason = StepOutcome.FAILED, str(refusal)
    except Exception as fault:
        traceback.print_exc()  # into the step's log
        outcome, reason = StepOutcome.FAILED, f"{type(fault).__name__}: {fault}"
    _tell({"outcome": outcome, "reason": reason})


def _check_device(device: str | None) -> None:
    """Raise StepFailed where a GPU is gone: a step on the CPU would tell of another device."""
    if device is not None and choose_device(None) != device:
        raise StepFailed(f"the first step ran on {device}, and torch does not find it any more")


def _tell(message: Message) -> None:
    if "notice" in message:
        sys.stderr.write(f"{message['notice']}\n")
    if "warning" in message:
        sys.stderr.write(f"warning: {message['warning']}\n")
    text = json.dumps(message, default=_plain, allow_nan=False).encode() + b"\n"
    while text:
        text = text[os.write(int(os.environ[ANSWERS_FD]), text) :]


def _plain(value: Any) -> Any:
    """A number of numpy as one of Python; anything else as its text."""
    return value.item() if hasattr(value, "item") else str(value)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:])
