"""Brings files and the names in folders to the disk, so that they outlive a loss of power.

fsync(2): a file's content is safe after an fsync of the file; its name is safe only after an fsync
of the folder that holds it. Source: fsync(2), and "atomic commit" of SQLite.
"""

import errno
import os
from pathlib import Path
from typing import Final

# A file system that cannot sync a folder says EINVAL (fsync(2)); one that lacks the call, ENOTSUP.
# A folder that may be written and not listed cannot be opened.
_CANNOT_SYNC: Final = {errno.EINVAL, errno.ENOTSUP, errno.EACCES}


def sync_file(path: Path) -> None:
    """Bring the content of a file to the disk. Raises OSError where that fails."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk. Raises OSError where that fails."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def make_folder(folder: Path) -> None:
    """Make a folder with its parents, and bring their names to the disk.

    Raises OSError where that fails.
    """
    missing = []
    for path in (folder, *folder.parents):
        if path.exists():
            break
        missing.append(path)
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)
