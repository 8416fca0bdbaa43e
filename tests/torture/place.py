"""A place of its own for each try: folders, a mark on every process, and moeprof as a black box.

The code under test is a checkout: its `.path` is the PYTHONPATH of the commands. Every process that
a command starts inherits an environment variable with the place's mark, so that what is left of it
is found in /proc, also after setsid.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from moeprof.tests.torture.trial import Kind, Trial

MARK: Final = "MOEPROF_TORTURE"
LIMIT_S: Final = 180.0  # no command of these takes so long, also on a busy machine
ORPHANS_S: Final = 5.0
_TEMPORARY: Final = re.compile(r"\.(?!git$).+")  # not that of a checked out commit
# What nsys leaves in TMPDIR, a killed one its capture too.
_OF_NSYS: Final = re.compile(r"nvidia|nsys-report-.*")
_FINE: Final = frozenset({0, 1, 4, 125})
_REFUSED: Final = frozenset({2, 3})
_STOPS_GIT: Final = 129


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended: by a signal where `code` < 0; None: not within its limit."""

    words: str
    code: int | None
    stdout: str
    stderr: str
    seconds: float

    @property
    def fine(self) -> bool:
        """Whether it did what it was asked: 1 and 125 are verdicts, 4 a spent budget."""
        return self.code in _FINE

    @property
    def refused(self) -> bool:
        """Whether it refused; `check` does so with 129, by which `git bisect run` stops."""
        is_check = self.words.startswith("check ") and "moeprof itself failed" not in self.stderr
        return self.code in _REFUSED or (is_check and self.code == _STOPS_GIT)

    @property
    def last_words(self) -> str:
        """The end of its stderr, for a report."""
        return f"{self.words}: exit {self.code}: {self.stderr.strip()[-300:]}"

    def judge(self, trial: Trial, *, may_refuse: bool = True) -> None:
        """Note what no command may do, whatever is done to it."""
        trial.seconds = max(trial.seconds, self.seconds)
        if self.code is None:
            trial.add(Kind.HANG, self.last_words)
        elif not (self.fine or self.refused) or "Traceback" in self.stderr:
            trial.add(Kind.OWN_FAULT, self.last_words)
        elif self.refused:
            errors = [line for line in self.stderr.splitlines() if line.startswith("error: ")]
            if len(errors) != 1 or "\nhint: " not in f"\n{self.stderr}" or not may_refuse:
                trial.add(Kind.REFUSAL, self.last_words)


class Place:
    """Folders and environment of one try; leaving it ends what is left of its processes."""

    def __init__(self, code: Path, parent: Path, name: str) -> None:
        self.code = code
        self.mark = uuid4().hex
        self.folder = parent / f"{re.sub('[^a-z0-9]+', '-', name.lower())}-{self.mark[:6]}"
        self.store = self.folder / "store"
        self.temporary = self.folder / "tmp"
        self.variables: dict[str, str] = {}
        for made in (self.store, self.temporary, self.folder / "home", self.folder / "locks"):
            made.mkdir(parents=True)
        self.folder.chmod(0o777)

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *ended: object) -> None:
        self.end_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """What every command of this place gets."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("LD_")}
        return {
            **kept,
            MARK: self.mark,
            "PYTHONPATH": str(self.code / ".path"),
            "PYTHONSAFEPATH": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "home" / "state"),
            "TMPDIR": str(self.temporary),
            "MOEPROF_LOCK_DIR": str(self.folder / "locks"),
            "COLUMNS": "200",
            "OMP_NUM_THREADS": "1",
            "TORCHINDUCTOR_CACHE_DIR": str(self.folder / "home" / "inductor"),
            **self.variables,
        }

    def start(
        self, *words: object, before: Sequence[str] = (), variables: Mapping[str, str] | None = None
    ) -> "Command":
        """Start moeprof with these words; `before` is what it runs under, such as taskset."""
        command = [*before, sys.executable, "-m", "moeprof", *map(str, words)]
        return Command(self, command, " ".join(map(str, words)), variables or {})

    def run(self, *words: object, limit_s: float = LIMIT_S, **how: Mapping[str, str]) -> Ended:
        """Run moeprof with these words to its end."""
        return self.start(*words, **how).wait(limit_s)  # type: ignore[arg-type]

    def python(self, script: Path, *words: object) -> str:
        """Run a script of ours with the code under test on its path; return what it prints."""
        return subprocess.run(
            [sys.executable, str(script), *map(str, words)],
            env=self.environment, check=True, capture_output=True, text=True, timeout=LIMIT_S,
        ).stdout  # fmt: skip

    def restore(self, intact: Path) -> None:
        """Give the store the content of `intact` again; remove all temporary files."""
        shutil.rmtree(self.store, ignore_errors=True)
        shutil.copytree(intact, self.store)
        for left in self.temporary.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()

    def processes(self) -> dict[int, str]:
        """Processes with this place's mark that run, by id, with their command."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(folder.name)] = words.decode(errors="replace")[:200]
        return found

    def note_orphans(self, trial: Trial, when: str, limit_s: float = ORPHANS_S) -> None:
        """Note each process that is still there after `limit_s`, and end it."""
        until = time.monotonic() + limit_s
        while self.processes() and time.monotonic() < until:
            time.sleep(0.05)
        for pid, words in self.processes().items():
            trial.add(Kind.ORPHAN, f"{when}: {pid} {words}")
        self.end_all()

    def end_all(self) -> None:
        """End every process of this place."""
        for _ in range(50):
            left = self.processes()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if not left:
                return
            time.sleep(0.02)

    def note_temporary(self, trial: Trial, when: str) -> None:
        """Note each hidden file below the store, and everything in the folder for such files."""
        hidden = [path for path in self.store.rglob("*") if _TEMPORARY.match(path.name)]
        ours = [path for path in self.temporary.iterdir() if not _OF_NSYS.fullmatch(path.name)]
        for path in [*hidden, *ours]:
            trial.add(Kind.TEMPORARY, f"{when}: {path.relative_to(self.folder)}")


class Command:
    """A moeprof that runs, in a process group of its own; its output goes to files."""

    def __init__(
        self, place: Place, command: Sequence[str], words: str, variables: Mapping[str, str]
    ) -> None:
        self._place, self._words = place, words
        number = uuid4().hex[:8]
        self._out, self._err = (place.folder / f"{number}.{kind}" for kind in ("out", "err"))
        self._began_s = time.monotonic()
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                command,
                env={**place.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=place.folder,
                start_new_session=True,
            )

    def wait(self, limit_s: float = LIMIT_S) -> Ended:
        """Wait for its end; after the limit everything of the place is ended."""
        try:
            code: int | None = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = None
            self._place.end_all()
            self.process.wait()
        seconds = time.monotonic() - self._began_s
        out, err = (path.read_text(errors="replace") for path in (self._out, self._err))
        return Ended(self._words, code, out, err, seconds)

    def send(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to it, or to its whole process group."""
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.process.pid, number)
