"""Temporary files and folders, which a killed process leaves and the next one removes.

Their names begin with `.moeprof-`. Who writes one holds a flock on it; what nobody holds was left
by a process that is gone, because the kernel frees a lock when its process ends. On a file system
without flock, what was not written for a day counts as left. Source: flock(2).
"""

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import gettempdir
from typing import Final
from uuid import uuid4

PREFIX: Final = ".moeprof-"
_DAY_S: Final = 86400.0


@contextmanager
def temporary_file(folder: Path) -> Iterator[Path]:
    """Make an empty file in a folder; it is removed at the end, unless it was renamed by then.

    Removes what killed processes left in the folder. Raises OSError where that cannot be done.
    """
    with _held(folder, Path.touch) as path:
        yield path


@contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """Make an empty folder in a folder, as `temporary_file` does for a file."""
    with _held(folder, Path.mkdir) as path:
        yield path


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make an empty folder for this user alone where TMPDIR says, as `temporary_folder` does.

    Raises OSError where there is no such place.
    """
    with _held(Path(gettempdir()), partial(Path.mkdir, mode=0o700)) as path:
        yield path


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files and folders in a folder that no process holds."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.startswith(PREFIX):
            _remove_if_abandoned(folder / name)


def remove_abandoned_below(folder: Path) -> None:
    """Remove what no process holds from a folder and from all folders in it."""
    for path, _, _ in os.walk(folder):
        remove_abandoned(Path(path))


@contextmanager
def _held(folder: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    remove_abandoned(folder)
    path, descriptor = _made(folder, make)
    try:
        yield path
    finally:
        _remove(path)
        os.close(descriptor)


def _made(folder: Path, make: Callable[[Path], None]) -> tuple[Path, int]:
    """Make and lock a file or folder; again where another process removed it in between."""
    while True:
        path = folder / f"{PREFIX}{uuid4().hex[:12]}"
        make(path)
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        if _lock(descriptor) is not False and path.exists():
            return path, descriptor
        os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Lock an open file; False where another process holds it, None where locks are unknown."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _remove_if_abandoned(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # gone by now, or another user's
        return
    try:
        locked = _lock(descriptor)
        if locked is None:
            locked = time.time() - os.fstat(descriptor).st_mtime > _DAY_S
        if locked:
            _remove(path)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
