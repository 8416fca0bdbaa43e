"""Puts a folder in the place of another in one step.

Source: renameat2(2), RENAME_EXCHANGE, which Python does not offer.
"""

import ctypes
import errno
import os
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
NOT_EMPTY: Final = {errno.ENOTEMPTY, errno.EEXIST}  # either, rename(2)
_LACKING: Final = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM}


def take_place(staged: Path, folder: Path) -> bool:
    """Let a folder take the place of another in one step; False where that cannot be done.

    Raises OSError where it fails for another reason.
    """
    try:
        staged.rename(folder)  # where there is none, or an empty one
    except OSError as error:
        if error.errno not in NOT_EMPTY:
            raise
        return exchange(staged, folder)
    return True


def exchange(one: Path, other: Path) -> bool:
    """Let two folders change their names; False where the system or file system cannot do that.

    Raises OSError where it fails for another reason.
    """
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    if call(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _LACKING:
        return False
    raise OSError(number, os.strerror(number), str(other))
