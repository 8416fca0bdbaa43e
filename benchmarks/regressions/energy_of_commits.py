"""A real bisection by energy: moeprof's own readings of an operation that one commit changes.

The GPU is the stand-in of the rehearsal (docs/gpu-rehearsal.md): the isolated scripts and the power
pass are the real ones; torch's "cuda", NVML (tests/fakenvml) and the clock are not.
"""

from pathlib import Path
from typing import Final

from moeprof.tests.cli.command_line import Result
from moeprof.tests.fakenvml import fake
from moeprof.tests.rehearsal.machine import Machine
from moeprof.tests.rehearsal.rehearsal import rehearsal

FILE: Final = "ops.py"
FEW, MORE = 4, 5  # products in a call, before and after the commit that adds one
OPERATION: Final = """
import torch
from moeprof.scenarios.operation import Operation


def make_inputs(take, tokens):
    return take((tokens, 256)), take((256, 512))


def run(x, w):  # note {note}
    for _ in range({products}):
        y = x @ w
    return y


FC1 = Operation(
    name="fc1",
    make_inputs=make_inputs,
    run=run,
    flops=lambda tokens, preset: 2 * tokens * 256 * 512 * {products},
    bytes_moved=lambda tokens, preset, dtype_bytes: (tokens * 768 + 256 * 512) * dtype_bytes,
)
"""


def bisect_energy(repository: Path, good: str, bad: str, *more: object) -> Result:
    """Run `moeprof bisect --metric energy` on the stand-in GPU, and leave readings in `state`."""
    asked = f"--ops {FILE} --op fc1 --batch-size 64 --metric energy --min-effect 3".split()
    with rehearsal(repository, fake.build(repository)) as stage:
        stage.set_machine(Machine())
        stage.put_on_path()
        return stage.moeprof("bisect", good, bad, *asked, "--state", repository / "state", *more)
