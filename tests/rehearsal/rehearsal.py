"""A rehearsal: commands of moeprof on a GPU that is not there, in a folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from moeprof.profiler.lock import LOCK_DIR
from moeprof.tests.cli.command_line import Result
from moeprof.tests.rehearsal.machine import MACHINE, Machine
from moeprof.tests.rehearsal.virtual_time.server import PAGE, ClockServer

_HERE: Final = Path(__file__).parent
_ROOT: Final = _HERE.resolve().parents[1]
_SYSTEM: Final = f"/usr/bin{os.pathsep}/bin"  # a C compiler, and no nsys or ncu
# By the call that the selftest counts: cold it reads its weights, hot next to nothing.
_NCU_READ: Final = "31000000 1000000"
_TOOLS: Final = {"nsys": _HERE / "fake_nsys.py", "ncu": _HERE.parent / "faketools" / "fake_ncu.py"}


@dataclass(slots=True)
class Rehearsal:
    """Runs commands on one machine after the other, all on one clock."""

    folder: Path
    clock: ClockServer
    host: "subprocess.Popen[str]"
    machines: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def now_s(self) -> float:
        return self.clock.now_s

    def set_machine(self, machine: Machine, **nvml: object) -> None:
        """Take a machine for what comes; `nvml` are settings of the simulated NVML."""
        self.machines += 1
        described = self.folder / f"machine-{self.machines}.json"
        live = self.folder / f"work-{self.machines}.csv"
        machine.write(described)
        live.touch()
        given = {"live": live, "clock": self.folder / PAGE} | nvml
        self.environment = {
            "PATH": self.environment.get("PATH", _SYSTEM),
            MACHINE: str(described),
            "FAKE_NCU_READ": _NCU_READ,
            **{f"FAKENVML_{name.upper()}": str(value) for name, value in given.items()},
        }

    def put_on_path(self, *tools: str) -> None:
        """Let stand-ins of these tools alone be found."""
        folder = self.folder / "-".join(["bin", *tools])
        folder.mkdir(exist_ok=True)
        for tool in tools:
            program = folder / tool
            program.write_text(f'#!/bin/sh\nexec {sys.executable} -P {_TOOLS[tool]} "$@"\n')
            program.chmod(0o755)
        self.environment["PATH"] = f"{folder}{os.pathsep}{_SYSTEM}"

    def moeprof(self, *words: object) -> Result:
        """Run one command to its end."""
        return Result(*self._ask({"words": [str(word) for word in words]}))

    def truth(self, script: Path, sizes: Sequence[int]) -> dict[int, tuple[float, float]]:
        """Ask what one call of an isolated script truly takes, us and mJ, by batch size."""
        answer = self._ask({"truth": str(script), "sizes": list(sizes)})
        return {int(size): (float(us), float(mj)) for size, (us, mj) in answer.items()}

    def _ask(self, request: dict[str, object]) -> Any:
        assert self.host.stdin is not None
        assert self.host.stdout is not None
        self.host.stdin.write(json.dumps(request | {"environment": self.environment}) + "\n")
        self.host.stdin.flush()
        line = self.host.stdout.readline()
        assert line, "the process of the commands has ended"
        return json.loads(line)


@contextmanager
def rehearsal(folder: Path, library: Path) -> Iterator[Rehearsal]:
    """Begin a rehearsal in `folder`, with the simulated NVML `library`."""
    with ClockServer(folder) as clock:
        stage = Rehearsal(folder, clock, _host(folder, library))
        with stage.host:
            try:
                yield stage
            finally:
                stage.host.kill()


def _host(folder: Path, library: Path) -> "subprocess.Popen[str]":
    site = [str(_HERE / "site"), str(_ROOT / ".path")]
    environment: Mapping[str, str] = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(site),
        "PYTHONSAFEPATH": "1",
        "OMP_NUM_THREADS": "1",
        LOCK_DIR: str(folder),
        "XDG_STATE_HOME": str(folder),
        "REHEARSAL_CLOCK": str(folder),
        "REHEARSAL_NVML": str(library),
        "REHEARSAL": str(folder / "machine-1.json"),
        "FAKENVML_LIVE": str(folder / "work-1.csv"),
    }
    command = [sys.executable, "-P", "-m", "moeprof.tests.rehearsal.host"]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        cwd=folder,
    )
