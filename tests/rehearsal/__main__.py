"""The whole course of a rehearsal: every operation, the thermal step, the verdicts, the selftest.

    python -m moeprof.tests.rehearsal [--folder DIR] [--seed N]

It takes minutes; `pytest tests/rehearsal` runs a small part. Ends with 1 where a step ends
otherwise than it should, and leaves everything in the folder.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from moeprof.tests.fakenvml import fake
from moeprof.tests.rehearsal.machine import H200, Machine
from moeprof.tests.rehearsal.preset import write_preset
from moeprof.tests.rehearsal.rehearsal import Rehearsal, rehearsal

_SIZES: Final = "--device cuda:0 --batch-sizes 1..64 --points 12"
# Each command with the machine that it runs on, and the exit codes that are right there.
_COURSE: Final = (
    ("doctor", H200, (0,)),
    (f"profile --ops all --budget 600s --thermal-step {_SIZES}", Machine(), (0,)),
    ("build-model", Machine(), (0,)),
    ("validate --against holdout", Machine(), (0,)),
    ("validate --against nvml", Machine(), (0,)),
    ("report", Machine(), (0,)),
    ("selftest --budget 8m", H200, (0,)),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help="an empty folder for what it leaves")
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    folder = words.folder or Path(tempfile.mkdtemp(prefix="rehearsal-"))
    folder.mkdir(parents=True, exist_ok=True)
    with rehearsal(folder, fake.build(folder)) as stage:
        wrong = [not _right(stage, folder, words.seed, *step) for step in _COURSE]
    sys.stdout.write(f"{sum(wrong)} of {len(wrong)} steps ended otherwise than they should\n")
    return int(any(wrong))


def _right(
    stage: Rehearsal,
    folder: Path,
    seed: int,
    command: str,
    machine: Machine,
    codes: tuple[int, ...],
) -> bool:
    """Run one step and show what it said; return whether it ended as it should."""
    begin_s, virtual_s = time.monotonic(), stage.now_s
    stage.set_machine(machine)
    more = ["--scenario", write_preset(folder), "--seed", seed] if "profile" in command else []
    store = folder / ("selftests" if "selftest" in command else "runs")
    result = stage.moeprof(*command.split(), *more, "--store", store)
    sys.stdout.write(
        f"== {command}: exit code {result.exit_code}, {stage.now_s - virtual_s:.0f} s of its time,"
        f" {time.monotonic() - begin_s:.0f} s of ours\n{result.stdout}{result.stderr}\n"
    )
    sys.stdout.flush()
    return result.exit_code in codes


if __name__ == "__main__":
    sys.exit(main())
