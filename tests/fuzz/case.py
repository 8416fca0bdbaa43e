"""One case of the fuzzer: a valid input with one field changed, read by one command.

A command must read the changed input or refuse it: exit code 2 or 3, one sentence that names the
file, and a hint. Exit 129, a traceback, a warning of a library, a hang, a file that is changed or
left half-written, a gigabyte of memory, and an output with a number that cannot be are faults.
"""

import json
import os
import re
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, Final
from unittest import mock

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from moeprof.store.disk.temporary import PREFIX
from moeprof.tests.cli.command_line import Result, run_moeprof
from moeprof.tests.fuzz.mutations import Mutate

LIMIT_S: Final = 10.0
MOST_BYTES: Final = 10**9  # that a case adds to what the process holds
READ: Final = frozenset({0, 1, 4, 125})  # 1 and 125: verdicts; 4: the budget ended
REFUSED: Final = frozenset({2, 3})
_LONGEST_REFUSAL: Final = 1000  # with two paths
_AMOUNT: Final = re.compile(r"_(ns|us|ms|s|mj|j|w|pct|bytes|hz|mhz)$")
# Times on a clock may lie before its zero; a load may take less power than idling; a routing policy
# may read more experts than the model's own.
_ANY_SIGN: Final = frozenset({"start_ns", "time_ns", "energy_above_idle_mj", "saved_us"})

Words = Sequence[str]
Results = Sequence[Result]


def _nothing(folder: Path) -> None:
    """Leave an input as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A kind of input: how one is made, changed and read.

    `make` writes a valid input into an empty folder, and `mutate` changes its file `file`. `settle`
    then renews digests, so that the changed content is reached. `commands` are alternatives; `@` in
    a word stands for the folder. `intact` asserts what the commands say of the valid input, in the
    order of the commands. A refusal names one of `names`, else the file. `read_share` is the least
    share of changed inputs that are read. `share` is the target's share of the cases. A file that
    `is_derived` may be made anew by a command.
    """

    name: str
    make: Callable[[Path], None]
    file: str
    mutate: Mutate
    commands: Sequence[Words]
    intact: Callable[[Path, Results], None]
    settle: Callable[[Path], None] = _nothing
    names: Sequence[str] = ()
    read_share: float = 0.1
    share: int = 1
    is_derived: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case: whether it was read, and the fault, None where there is none."""

    case: str
    words: str
    command: str
    is_read: bool
    fault: str | None
    folder: Path

    def __str__(self) -> str:
        return f"{self.case}: {self.words}: moeprof {self.command}: {self.fault}"


class Hang(BaseException):
    """A case took too long. No product code catches it."""


@contextmanager
def time_limit(limit_s: float = LIMIT_S) -> Iterator[None]:
    """Raise Hang in the main thread where the block takes longer."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def resident_bytes(*, reset_peak: bool = False) -> int:
    """The most memory that the process held since the peak was reset, or now after doing that.

    Writing 5 to clear_refs resets the peak (man 5 proc); 0 where the system has no such file.
    """
    try:
        if reset_peak:
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    (peak_kib,) = re.findall(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return int(peak_kib) * 1024


class Fuzzer:
    """Draws and runs cases of one target; `folder` is its own, and holds one case at a time."""

    def __init__(self, target: Target, folder: Path, seed: int = 0) -> None:
        self.target = target
        self._seed = seed
        self._intact, self._work = folder / "intact", folder / "case"
        self._temporary = folder / "temporary"
        for made in (self._intact, self._temporary):
            made.mkdir(parents=True)
        target.make(self._intact)

    def run_intact(self) -> None:
        """Assert that every command reads the valid input, with its right values."""
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._intact, self._work)
        self.target.settle(self._work)
        results = [self._run(command) for command in self.target.commands]
        for result in results:
            assert result.exit_code in READ, (self.target.name, result)
        self.target.intact(self._work, results)

    def run(self, number: int) -> Outcome:
        """Run the case of this number."""
        target = self.target
        draw = Random(f"{self._seed}:{target.name}:{number}")
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._intact, self._work)
        path = self._work / target.file
        words, data = target.mutate(draw, path.read_bytes())
        times = path.stat()
        path.write_bytes(data)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        target.settle(self._work)
        command = draw.choice(list(target.commands))
        before = _contents(self._work)
        held_bytes = resident_bytes(reset_peak=True)
        try:
            with time_limit():
                result = self._run(command)
            is_read, fault = result.exit_code in READ, self._fault(result, before)
            if (added := resident_bytes() - held_bytes) > MOST_BYTES:
                fault = f"took {added / 1e9:.1f} GB of memory"
        except Hang:
            is_read, fault = False, f"no answer within {LIMIT_S:g} s"
        name = f"{target.name} {number}"
        return Outcome(name, words, " ".join(command), is_read, fault, self._work)

    def _run(self, command: Words) -> Result:
        words = [word.replace("@", str(self._work)) for word in command]
        with (
            warnings.catch_warnings(),
            mock.patch.object(tempfile, "tempdir", str(self._temporary)),
            mock.patch("os.fsync", return_value=None),
        ):
            warnings.simplefilter("error")
            return run_moeprof(words)

    def _fault(self, result: Result, before: dict[Path, bytes]) -> str | None:
        """What is wrong with the answer to a changed input; None where nothing is."""
        after = _contents(self._work)
        changed = self._work / self.target.file
        left = [path for path in after if path.name.startswith(PREFIX)]
        left += list(self._temporary.iterdir())
        for one in self._temporary.iterdir():
            shutil.rmtree(one) if one.is_dir() else one.unlink()
        if "Traceback" in result.stderr or result.exit_code not in READ | REFUSED:
            return f"exit {result.exit_code}: {result.stderr.strip()[-600:]}"
        if left:
            return f"left {left[0].name}"
        kept = before[changed] in after.values()  # --resume sets a damaged recording aside
        if not kept and not self.target.is_derived:
            return f"{changed.name} was changed"
        if result.exit_code in REFUSED:
            return self._wrong_refusal(result) or self._left(before, after)
        given = set(before.values())
        new = [path for path, data in after.items() if data not in given]
        wrong = [text for path in new for text in impossible_values(path)]
        wrong += _impossible_data(result.stdout)
        return "; ".join(wrong[:3]) or None

    def _left(self, before: dict[Path, bytes], after: dict[Path, bytes]) -> str | None:
        """A file that a refused command wrote; a run's tables and lock may stay."""
        for path in after.keys() - before.keys():
            if path.relative_to(self._work).parts[0] not in ("run", "played"):
                return f"refused, and left {path.relative_to(self._work)}"
        return None

    def _wrong_refusal(self, result: Result) -> str | None:
        names = self.target.names or (Path(self.target.file).name,)
        said = " / ".join(result.errors)
        if len(result.errors) != 1:
            return f"{len(result.errors)} errors: {result.stderr.strip()[-600:]}"
        if len(said.encode()) > _LONGEST_REFUSAL:
            return f"the refusal has {len(said)} characters: {said[:600]}"
        if not any(name in said for name in names):
            return f"the refusal does not name the file: {said[:600]}"
        return None if result.hint else f"the refusal has no hint: {said[:600]}"


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def impossible_values(path: Path) -> Iterator[str]:
    """Each NaN, infinity and negative time, energy or power of a written table or document."""
    if path.suffix == ".json":
        yield from (
            f"{path.name}: {text}" for text in _impossible_data(path.read_text(errors="replace"))
        )
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        for name in table.column_names:
            yield from (f"{path.name}: {text}" for text in _impossible_column(name, table[name]))


def _impossible_column(name: str, values: Any) -> Iterator[str]:
    if pa.types.is_floating(values.type) and pc.all(pc.is_finite(values)).as_py() is False:
        yield f"{name} is not finite"
    elif pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        least = pc.min(values).as_py()
        if _AMOUNT.search(name) and name not in _ANY_SIGN and least is not None and least < 0:
            yield f"{name} is {least}"


def _impossible_data(text: str) -> Iterator[str]:
    """The same of JSON; text that is none has no values."""
    found: list[str] = []
    try:
        _collect(json.loads(text, parse_constant=found.append), "", found)
    except ValueError:
        return
    yield from found


def _collect(value: Any, name: str, found: list[str]) -> None:
    match value:
        case dict():
            for key, inner in value.items():
                _collect(inner, key, found)
        case list():
            for inner in value:
                _collect(inner, name, found)
        case bool():
            pass
        case int() | float():
            if _AMOUNT.search(name) and name not in _ANY_SIGN and value < 0:
                found.append(f"{name} is {value}")
