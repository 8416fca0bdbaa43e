"""A file that one process adds to, so that a kill at any moment leaves all that was added before.

Each addition is at the end of what is known to be whole. One that fails, on a full disk, is taken
back; what a killed process had added in part is for the format of the file to find at its end.
"""

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from ...store.errors import BadInput
from ...store.files import refuse_irregular

_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
_TRIES: Final = 10  # a file may be removed between its opening and its lock


class AppendedFile:
    """An open file, made if it is missing and locked for its one writer.

    Raises BadInput where another has it open, and for a pipe or a device; OSError where it cannot
    be opened. On a file system without locks none is taken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        refuse_irregular(path, hint="name a file to write")
        for _ in range(_TRIES):
            self._descriptor = os.open(path, _OPEN, 0o666)
            try:
                self._lock()
                if self.is_at_path():
                    self.size_bytes = os.fstat(self._descriptor).st_size
                    return
            except BaseException:
                os.close(self._descriptor)
                raise
            os.close(self._descriptor)
        raise OSError(errno.EAGAIN, "it is removed again and again", str(path))

    def add(self, data: bytes) -> None:
        """Add to the end. On OSError, which it raises, the file is as it was."""
        try:
            self._write(data)
        except OSError:
            with suppress(OSError):  # it is tried again, at the same place
                os.ftruncate(self._descriptor, self.size_bytes)
            raise
        self.size_bytes += len(data)

    def read(self, most_bytes: int, from_byte: int = 0) -> bytes:
        """So many bytes of what is there."""
        return os.pread(self._descriptor, most_bytes, from_byte)

    def cut(self, size_bytes: int) -> None:
        """Leave only the first bytes. Raises OSError where that fails."""
        os.ftruncate(self._descriptor, size_bytes)
        self.size_bytes = size_bytes

    def is_at_path(self) -> bool:
        """Whether the file is still at its path: it may be moved or removed."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        return False

    def remove(self) -> None:
        """Remove the file, which is still locked until it is closed."""
        self.path.unlink()

    def close(self) -> None:
        """Close the file, and free it for another writer, also where a child has it open still."""
        with suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        os.close(self._descriptor)

    def abandon(self) -> None:
        """In a forked process: close its copy; the file stays that of the process it came from."""
        os.close(self._descriptor)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            place = self.size_bytes + len(data) - len(rest)
            rest = rest[os.pwrite(self._descriptor, rest, place) :]

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(
                f"{self.path} is being written by another logger",
                hint="give each process a log of its own",
            ) from None
        except OSError:  # a file system without locks
            pass
