"""The preloaded library that kills a command, or lets the disk refuse, at its N-th call."""

import errno
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

KINDS = ("create", "write", "fsync", "rename", "link", "unlink", "mkdir")
_SOURCE = Path(__file__).with_name("disk_shim.c")


@dataclass(frozen=True, slots=True)
class Blow:
    """What happens at the call number `at` (from 1) of a kind: a kill, or an error of the disk.

    An error that `stays` meets every later call of the kind too.
    """

    kind: str
    at: int
    error: int | None = None
    stays: bool = False

    def __str__(self) -> str:
        what = "kill" if self.error is None else errno.errorcode[self.error]
        return f"{what} at {self.kind} {self.at}{' and on' if self.stays else ''}"


def compiler() -> str | None:
    """A C compiler, None where there is none."""
    return next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)


def build(folder: Path) -> Path:
    """Compile the library into `folder`."""
    library = folder / "disk_shim.so"
    flags = "-O2 -shared -fPIC -Wall -Wextra".split()
    command = [compiler() or "cc", *flags, "-o", str(library), str(_SOURCE), "-ldl"]
    subprocess.run(command, check=True, timeout=600)
    return library


def counting(library: Path, under: Path, log: Path) -> dict[str, str]:
    """Variables of a command whose calls below a folder are written to `log`."""
    return _preloaded(library, under, "any") | {"TORTURE_LOG": str(log)}


def striking(library: Path, under: Path, blow: Blow) -> dict[str, str]:
    """Variables of a command that meets a blow below a folder."""
    variables = _preloaded(library, under, blow.kind)
    variables |= {"TORTURE_AT": str(blow.at), "TORTURE_DO": str(blow.error or "kill")}
    return variables | ({"TORTURE_STAYS": "1"} if blow.stays else {})


def _preloaded(library: Path, under: Path, kind: str) -> dict[str, str]:
    return {"LD_PRELOAD": str(library), "TORTURE_UNDER": str(under), "TORTURE_KIND": kind}


def counts(log: Path) -> dict[str, int]:
    """Number of calls by kind of a logged command."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return {kind: sum(line.startswith(f"{kind} ") for line in lines) for kind in KINDS}
