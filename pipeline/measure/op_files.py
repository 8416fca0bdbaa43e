"""Operations by the words of --ops, or from a run; a user's file is tried before it is executed.

The trial is a process of its own, so that a file which ends its process, or never comes back, costs
one sentence and not the sweep.
"""

import signal
import sys
from pathlib import Path
from typing import Final

from ...profiler.process.run import Finished, run
from ...scenarios.catalogue import LoadedOp, find_ops, load_op_file, op_paths
from ...scenarios.engines.registry import NO_ABSENCES, Absences
from ...scenarios.op_file import REFUSED, TRIED, check_op_file
from ...scenarios.preset import Preset
from ...store.errors import BadInput

TRIAL_S: Final = 60.0  # torch is imported too, from a cold disk
_TRIAL: Final = """
import sys
from pathlib import Path
path, sys.path[:] = sys.argv.pop(1), sys.argv[1:]
from moeprof.scenarios.op_file import try_op_file
sys.exit(try_op_file(Path(path)))
"""


def load_ops(
    words: str,
    preset: Preset | None = None,
    absent: Absences = NO_ABSENCES,
    *,
    trial_s: float = TRIAL_S,
    alone: bool = False,
) -> list[LoadedOp]:
    """Find operations as `find_ops` does. Raises BadInput for a file that its trial refuses.

    Without a trial where this process is `alone`: made for these files, so that it may end by them.
    """
    for path in op_paths(words):
        if alone:
            check_op_file(path)
        else:
            _try(path, trial_s)
    return find_ops(words, preset, absent)


def load_ops_of_file(path: Path, *, trial_s: float = TRIAL_S) -> list[LoadedOp]:
    """Give the operations of one file. Raises BadInput for one that its trial refuses."""
    _try(path, trial_s)
    return load_op_file(path)


def _try(path: Path, trial_s: float) -> None:
    """Execute a file in a process of its own, for `trial_s` at most."""
    check_op_file(path)
    trial = run([sys.executable, "-c", _TRIAL, str(path), *sys.path], timeout_s=trial_s)
    if trial.exit_code == TRIED:
        return
    if trial.exit_code == REFUSED:
        *_, message, hint = ["", "", *trial.stderr.splitlines()]
        raise BadInput(message or f"{path} does not run", hint=hint)
    raise BadInput(
        f"{path} {_end_of(trial, trial_s)} when it is executed",
        hint=f"see it by itself: python {path}",
    )


def _end_of(trial: Finished, trial_s: float) -> str:
    if trial.exit_code is None:
        return f"does not come back within {trial_s:g} s"
    if trial.exit_code < 0:
        return f"ends its process by {signal.Signals(-trial.exit_code).name}"
    return f"ends its process with exit code {trial.exit_code}"
