"""Readings of commits as a file that only grows: what was read is never read again after a kill.

One JSON object a line, each with its fsync. The first names the question that the readings answer.
A kill may cut the last line, which is then dropped. A reading counts for a commit with its tree and
on a machine with its fingerprint: readings of two machines are never mixed.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from ...profiler.lock_file import Held, LockFile
from ...store.disk.sync import make_folder
from ...store.document import Positive, Small
from ...store.errors import BadInput
from ...store.files import cannot_read, cannot_write, read_bytes, write_whole

_NAME: Final = "readings.jsonl"
_SCHEMA: Final = "moeprof.readings/1.0"
_MOST_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a commit.

    `value` is the metric, positive; None where the commit could not be read, for `reason`.
    `session` counts the starts of moeprof, `machine` is the fingerprint of where it was read.
    """

    commit: str
    tree: str
    machine: str
    session: Small
    utc: str
    value: Positive | None = None
    reason: str | None = None


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Lock the readings below `folder`, which is made. Raises BadInput where they are locked."""
    try:
        make_folder(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    with ExitStack() as stack:
        try:
            stack.enter_context(LockFile(folder / "readings.lock", shared=False).held("readings"))
        except Held as other:
            raise BadInput(
                f"another process reads commits into {folder}: {other}", hint="wait for it to end"
            ) from None
        yield


@dataclass(frozen=True, slots=True)
class _Head:
    schema: str
    question: str


class ReadingsLog:
    """The readings of one question in `folder`."""

    def __init__(self, folder: Path, question: str) -> None:
        """Open them. Raises BadInput where they answer another question, or cannot be read."""
        self.path = folder / _NAME
        if not self.path.exists():
            write_whole(self.path, _line(_Head(_SCHEMA, question)))
        self.readings: list[Reading] = list(self._read(question))

    @property
    def next_session(self) -> int:
        """The number of a session that begins now."""
        return 1 + max((one.session for one in self.readings), default=-1)

    def add(self, reading: Reading) -> None:
        """Append a reading; it is on the disk when this returns."""
        try:
            with self.path.open("ab") as file:
                file.write(_line(reading).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self.readings.append(reading)

    def _read(self, question: str) -> Iterator[Reading]:
        data = read_bytes(self.path, _MOST_BYTES)
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            write_whole(self.path, whole)
        head, *lines = whole.splitlines() or [b""]
        try:
            found = msgspec.json.decode(head, type=_Head)
            if found != _Head(_SCHEMA, question):
                raise BadInput(
                    f"{self.path} holds readings of another question", hint="move it away"
                )
            for line in lines:
                yield msgspec.json.decode(line, type=Reading)
        except msgspec.MsgspecError as error:
            raise BadInput(
                f"{self.path} is no log of readings: {error}", hint="move it away, and begin anew"
            ) from error
        except OSError as error:
            raise cannot_read(self.path, error) from error


def _line(record: Reading | _Head) -> str:
    return json.dumps(msgspec.to_builtins(record), allow_nan=False) + "\n"
