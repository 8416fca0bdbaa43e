"""The whole course of a rehearsal: a sweep, the thermal step, the verdicts, the selftest.

    python -m moeprof.tests.rehearsal [--folder DIR] [--seed N]

`pytest tests/rehearsal` runs a small part; docs/gpu-rehearsal.md says how long each takes. Ends
with 1 where a step ends otherwise than it should, and leaves everything in the folder.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from moeprof.tests.fakenvml import fake
from moeprof.tests.rehearsal.machine import H200, Machine, Slowdown
from moeprof.tests.rehearsal.preset import write_preset
from moeprof.tests.rehearsal.rehearsal import Rehearsal, rehearsal

_SIZES: Final = "--device cuda:0 --batch-sizes 1..64 --points 12"
# Every kernel takes long: a second of load is thousands of launches, not hundreds of thousands.
_SMALL: Final = Machine(bytes_per_s=5e9, flops_per_s=2e11, kernel_s=5e-5)
_SLOW: Final = Machine(bytes_per_s=2e11, flops_per_s=5e13, kernel_s=1e-4)
# Without captures each launch is a call of Python, so that shorter kernels take minutes of ours.
_FAULTY: Final = replace(
    _SLOW,
    kernel_s=1e-3,
    captures=False,
    nvml_call_s=0.004,
    oom_rows=128,
    slowdowns=tuple(Slowdown(at_s, at_s + 1, 345) for at_s in range(0, 100_000, 40)),
)


@dataclass(frozen=True, slots=True)
class _Step:
    """A command, the machine that it runs on, the tools beside it, and its right exit codes.

    The GPU is lost `lost_after_s` seconds after it begins.
    """

    command: str
    machine: Machine
    codes: tuple[int, ...] = (0,)
    tools: tuple[str, ...] = ()
    lost_after_s: float | None = None


_COURSE: Final = (
    _Step("doctor", H200),
    # A product, single small kernels that are cold, and several at once that are hot; the selftest
    # sweeps quantised weights.
    _Step(f"profile --ops fc1,gelu,topk --budget 600s --thermal-step {_SIZES}", _SMALL),
    _Step("build-model", _SMALL),
    _Step("validate --against holdout", _SMALL),
    # Power between two loaded sizes is interpolated, and eight sizes may leave a verdict open.
    _Step("validate --against nvml", _SMALL, codes=(0, 125)),
    _Step("report", _SMALL),
    _Step("selftest --budget 4m", _SLOW, tools=("nsys", "ncu")),
    _Step("selftest --budget 4m", _FAULTY, codes=(1,)),
    _Step("selftest --budget 4m", _SLOW, codes=(1,), lost_after_s=70.0),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help="an empty folder for what it leaves")
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    folder = words.folder or Path(tempfile.mkdtemp(prefix="rehearsal-"))
    folder.mkdir(parents=True, exist_ok=True)
    with rehearsal(folder, fake.build(folder)) as stage:
        wrong = [not _right(stage, folder, words.seed, step) for step in _COURSE]
    sys.stdout.write(f"{sum(wrong)} of {len(wrong)} steps ended otherwise than they should\n")
    return int(any(wrong))


def _right(stage: Rehearsal, folder: Path, seed: int, step: _Step) -> bool:
    """Run one step and show what it said; return whether it ended as it should."""
    begin_s, virtual_s = time.monotonic(), stage.now_s
    lost_s = None if step.lost_after_s is None else virtual_s + step.lost_after_s
    stage.set_machine(replace(step.machine, lost_s=lost_s))
    stage.put_on_path(*step.tools)
    more = ["--scenario", write_preset(folder), "--seed", seed] if "profile" in step.command else []
    store = folder / ("selftests" if "selftest" in step.command else "runs")
    result = stage.moeprof(*step.command.split(), *more, "--store", store)
    sys.stdout.write(
        f"== {step.command}: exit code {result.exit_code}, {stage.now_s - virtual_s:.0f} s of its"
        f" time, {time.monotonic() - begin_s:.0f} s of ours\n{result.stdout}{result.stderr}\n"
    )
    sys.stdout.flush()
    return result.exit_code in step.codes and "Traceback" not in result.stderr


if __name__ == "__main__":
    sys.exit(main())
