"""A lock as a file: the kernel's flock holds it, and the text in the file says who does.

Only the flock counts: it ends with the last process that has the descriptor open, however that
process ends, so a file that is left behind means nothing. Source: flock(2).

Users share these files in a folder that all of them may write to, so what stands in the place of a
lock may be anybody's. A file is opened without O_CREAT, which a kernel with fs.protected_regular
(proc_sys_fs(5)) refuses for another user's file in a sticky folder, and without following a link;
it is made with rights for everybody before it has its name, so that no umask and no kill in between
shuts another user out; and one whose text is not that of a lock is never written to.
"""

import errno
import fcntl
import os
import platform
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from ..store.errors import BadInput
from ..store.files import reason

_MARK: Final = b"moeprof "  # how the text of a lock begins
_MAX_TEXT: Final = 400  # bytes of a lock's text that are read
_TRIES: Final = 10  # a file may be removed between its opening and its flock
_OPEN: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
_ANYBODY: Final = 0o666
_UNSTABLE: Final = "it is removed again and again"
_HINTS: Final = {
    True: "mend that, or name another folder for all who measure here in MOEPROF_LOCK_DIR",
    False: "mend that, or copy the run to a folder of your own",
}
_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFLNK: "a link",
    stat.S_IFSOCK: "a socket",
    stat.S_IFREG: "a file of something else",
}


class Held(Exception):
    """Another process holds the lock; the message says which, as far as the file tells."""


@dataclass(frozen=True, slots=True)
class LockFile:
    """The file of one lock; every user may take one that is `shared`."""

    path: Path
    shared: bool

    @contextmanager
    def held(self, holder: str) -> Iterator[int]:
        """Hold the lock in the block; give its descriptor, for other processes to keep open.

        `holder` is what others read meanwhile. Raises Held where another process has the lock, and
        BadInput where none can be had there.
        """
        descriptor = self._take()
        try:
            _write(descriptor, b"%s%s\n" % (_MARK, f"{holder}, {_this_process()}".encode()))
            yield descriptor
        finally:
            _write(descriptor, b"")
            os.close(descriptor)

    def _take(self) -> int:
        """Open the file and take its flock, again where the file was removed in between."""
        for _ in range(_TRIES):
            descriptor = self._opened()
            try:
                self._flock(descriptor)
                if self._is_at_path(descriptor):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
        raise self._refusal(_UNSTABLE)

    def _flock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held(_text(descriptor)) from None
        except OSError as error:  # a file system without locks
            raise self._refusal(reason(error)) from error

    def _is_at_path(self, descriptor: int) -> bool:
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(descriptor), self.path.lstat())
        return False

    def _opened(self) -> int:
        """Open the file, made if it is missing. Raises BadInput for what is no lock."""
        descriptor = self._open()
        if descriptor is None:
            with suppress(FileExistsError):  # another process was faster
                self._make()
            descriptor = self._open()
        if descriptor is None:
            raise self._refusal(_UNSTABLE)
        if not _is_lock(descriptor):
            os.close(descriptor)
            raise self._refusal(self._intruder())
        return descriptor

    def _open(self) -> int | None:
        """Open what stands at the path; None where nothing does.

        To read is enough for a flock on a local disk, so another user's file that may not be
        written to locks as well. Raises BadInput where it may not be read either, and for a link.
        """
        for access in (os.O_RDWR, os.O_RDONLY) if self.shared else (os.O_RDWR,):
            try:
                return os.open(self.path, access | _OPEN)
            except FileNotFoundError:
                return None
            except OSError as error:
                refused = error
        there = refused.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO)
        raise self._refusal(self._intruder() if there else reason(refused)) from refused

    def _make(self) -> None:
        """Make the file. Raises FileExistsError where another process did, BadInput on refusal."""
        try:
            if self.shared:
                self._make_shared()
            else:
                os.close(os.open(self.path, _CREATE, _ANYBODY))
        except FileExistsError:
            raise
        except OSError as error:
            raise self._refusal(reason(error)) from error

    def _make_shared(self) -> None:
        """Give the file its rights, whatever the umask says, and then its name."""
        made = self.path.with_name(f".{self.path.name}.{uuid4().hex[:8]}")
        descriptor = os.open(made, _CREATE, _ANYBODY)
        try:
            os.fchmod(descriptor, _ANYBODY)
            os.link(made, self.path)
        finally:
            os.close(descriptor)
            made.unlink()

    def _intruder(self) -> str:
        """Say what is in the place of the lock."""
        try:
            kind = _KINDS.get(stat.S_IFMT(self.path.lstat().st_mode), "a device")
        except OSError:
            return _UNSTABLE
        return f"{kind} is in its place"

    def _refusal(self, reason: str) -> BadInput:
        return BadInput(f"cannot take the lock {self.path}: {reason}", hint=_HINTS[self.shared])


def _is_lock(descriptor: int) -> bool:
    """Whether it is an empty file, or holds the text of a lock."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        return False
    return found.st_size == 0 or os.pread(descriptor, len(_MARK), 0) == _MARK


def _text(descriptor: int) -> str:
    """Give the text of a lock, on one line; empty where it has none."""
    text = os.pread(descriptor, _MAX_TEXT, 0).removeprefix(_MARK).decode(errors="replace")
    return next(iter(text.splitlines()), "")


def _write(descriptor: int, text: bytes) -> None:
    """Say who holds the lock; a full disk, or a file that may only be read, leaves that unsaid."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)


def _this_process() -> str:
    now = datetime.now(UTC)
    return f"pid {os.getpid()} on {platform.node()}, since {now:%Y-%m-%d %H:%M:%S} UTC"
