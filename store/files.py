"""Files read and written whole: a reader sees the old content or the new, nothing between."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .disk.sync import make_folder, sync_file, sync_folder
from .disk.temporary import temporary_file
from .errors import BadInput

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_BY = "by --out, or where the command has them by --store, --state or TMPDIR"
_ELSEWHERE = f"name a folder of another disk {_BY}"
_YOURS = f"name a folder that you may write to {_BY}"
_HINTS = {
    errno.ENOSPC: f"free some space, or {_ELSEWHERE}",
    errno.EDQUOT: f"free some of the quota, or {_ELSEWHERE}",
    errno.EROFS: _YOURS,
    errno.EACCES: _YOURS,
    errno.EPERM: _YOURS,
    errno.EEXIST: "a part of that path is a file; name another folder",
    errno.ENAMETOOLONG: "shorten the path",
    errno.EISDIR: "name a file, not a folder",
    errno.ENOTDIR: "a part of that path is a file; name another folder",
}

# Where no path is named.
_HINTS_OF_LIMITS = {
    errno.ENOENT: "set TMPDIR to a folder that you may write to",  # what Python's tempfile raises
    errno.EIO: "see the log of the kernel: a disk may fail",
    errno.EMFILE: "raise the limit of open files: ulimit -n 1024",
    errno.ENFILE: "end other programs that hold files open",
    errno.EAGAIN: "raise the limit of processes (ulimit -u), or end other programs",
    errno.ENOMEM: "end other programs, or ask for less",
    errno.EFBIG: "raise the limit of a file's size: ulimit -f unlimited",
}
_HINTS_OF_USE = {
    errno.ENAMETOOLONG: "shorten the path",
    errno.ENOENT: "name one that is there",
    errno.EACCES: "let yourself use it, with chmod or as its owner, or name another",
    errno.EPERM: "let yourself use it, with chmod or as its owner, or name another",
    errno.EISDIR: "name a file, not a folder",
    errno.ENOTDIR: "a part of that path is a file; name another",
    errno.ELOOP: "a symbolic link leads back to itself; name another",
}

# By their first bytes, files that are taken for the text of a table.
_NO_TEXT = {
    b"PAR1": "Parquet",
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "a zip archive",
    b"SQLite format 3\0": "a SQLite database",
}
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_HINTS_OF_READING = {
    errno.ENAMETOOLONG: "shorten the path",
    errno.EISDIR: "name a file, not a folder",
    errno.EACCES: "let it be read by you, with chmod or as its owner",
}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path` to be written; on a clean exit it takes the place of `path`.

    The folder is made if it is missing. File and name are on the disk before the end. On any error
    the temporary file is removed and `path` is left as it was. Raises BadInput where the disk is
    full, read-only or refuses, and for a path that is a pipe or a device.
    """
    if not path.name:  # the root, or the present folder
        raise cannot_write(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    refuse_irregular(path, hint="name a file to write, or leave it out")
    try:
        make_folder(path.parent)
        with temporary_file(path.parent) as temporary:
            yield temporary
            sync_file(temporary)
            temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def check_writable(path: Path) -> None:
    """Raise BadInput where a file could not be written at `path`, before it takes long to make one.

    Nothing is written; what a full disk says comes when the file is.
    """
    if has_folder(path):
        raise cannot_write(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    refuse_irregular(path, hint="name a file to write, or leave it out")
    folder = next(one for one in path.absolute().parents if one.exists())
    if not folder.is_dir():
        raise cannot_write(path, NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise cannot_write(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def write_whole(path: Path, data: str | bytes) -> None:
    """Write `data` to `path` (text as UTF-8), whole or not at all.

    Raises BadInput as `replacing` does, and for a text that UTF-8 cannot hold.
    """
    try:
        content = data.encode() if isinstance(data, str) else data
    except UnicodeEncodeError as error:
        raise BadInput(
            f"cannot write {path}: its text would hold {around(error)}, which is not UTF-8",
            hint="rename what has that name",
        ) from error
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def around(error: UnicodeEncodeError) -> str:
    """Quote what cannot be encoded, with a few characters before and after it."""
    return ascii(error.object[max(0, error.start - 30) : error.end + 30])


def reason(error: OSError) -> str:
    """Give the reason of a refusal of the system, to stand within a sentence."""
    return (error.strerror or str(error)).lower()


def cannot_write(path: Path | str, error: OSError) -> BadInput:
    """Make the error that says why `path` could not be written, with a hint."""
    return BadInput(
        f"cannot write {path}: {reason(error)}",
        hint=_HINTS.get(error.errno or 0, _YOURS),
    )


def cannot_use(error: OSError) -> BadInput | None:
    """Make the error that says which file or folder the system refused, and why.

    One that names none is told where it is a limit of the machine that refuses; else it is None.
    """
    named = error.filename if error.filename is not None else error.filename2
    if error.errno in NO_SPACE:
        return cannot_write("the output" if named is None else _path(named), error)
    if named is not None:
        hint = _HINTS_OF_USE.get(error.errno or 0, "name another file or folder")
        return BadInput(f"cannot use {_path(named)}: {reason(error)}", hint=hint)
    limit = _HINTS_OF_LIMITS.get(error.errno or 0)
    return None if limit is None else BadInput(f"the system refuses: {reason(error)}", hint=limit)


def _path(name: str | bytes | int) -> str:
    """Give the name that an error of the system holds as text; it may be a descriptor."""
    return str(name) if isinstance(name, int) else os.fsdecode(name)


def has_file(path: Path) -> bool:
    """Whether a file is there. Raises BadInput where its folder may not be looked into."""
    mode = _mode(path)
    return mode is not None and stat.S_ISREG(mode)


def has_folder(path: Path) -> bool:
    """Whether a folder is there. Raises BadInput where the one above may not be looked into."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def folders_in(path: Path) -> list[Path]:
    """The folders of a folder; none where it is not there. Raises BadInput where it is not read."""
    try:
        with os.scandir(path) as entries:
            return [path / entry.name for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise cannot_read(path, error) from error


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except PermissionError as error:
        raise cannot_read(path, error) from error
    except (OSError, ValueError):  # it is not there, or no such path can be
        return None


def refuse_irregular(path: Path, hint: str = "write it to a file first") -> None:
    """Raise BadInput for a pipe, a socket or a device: reading a pipe waits for its writer.

    A file, a folder and what is not there pass.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise BadInput(f"{path} is not a regular file", hint=hint)


def read_bytes(path: Path, most_bytes: int | None = None) -> bytes:
    """Read a file.

    Raises BadInput, naming it, if that fails, it is no regular file or it has more than
    `most_bytes`.
    """
    refuse_irregular(path)
    try:
        if most_bytes is not None:
            check_size(path, most_bytes)
        return path.read_bytes()
    except OSError as error:
        raise cannot_read(path, error) from error


def read_text(path: Path, most_bytes: int | None = None) -> str:
    """Read a UTF-8 file; each end of a line becomes a newline. Raises as `read_bytes` does."""
    data = read_bytes(path, most_bytes)
    for start, kind in _NO_TEXT.items():
        if data.startswith(start):
            raise BadInput(f"{path} is {kind}, and no text", hint="name a text file")
    try:
        return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8").read()
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path} is not UTF-8 text: see its byte {error.start}", hint="save it as UTF-8"
        ) from error


def check_size(path: Path, most_bytes: int) -> None:
    """Raise BadInput for a file of more bytes than any of its kind; OSError where there is none."""
    if (size_bytes := path.stat().st_size) > most_bytes:
        raise BadInput(
            f"{path} has {size_bytes} bytes, and at most {most_bytes} of a file of its kind are"
            " read",
            hint="see that it is the file that you mean, or make a smaller one",
        )


def refuse_lfs_pointer(path: Path) -> None:
    """Raise BadInput for a Git LFS pointer, which stands where the file was not fetched.

    Raises it for what is no regular file, too; a file that cannot be opened passes. Source: the
    pointer file of Git LFS's docs/spec.md.
    """
    refuse_irregular(path)
    try:
        with path.open("rb") as file:
            start = file.read(len(_LFS_POINTER))
    except OSError:
        return
    if start == _LFS_POINTER:
        raise BadInput(
            f"{path} is a Git LFS pointer and not the file itself", hint="fetch it: git lfs pull"
        )


def cannot_read(path: Path, error: OSError, hint: str = "") -> BadInput:
    """Make the error that says why `path` could not be read, with a hint by the cause.

    Where the cause has none of its own, it is `hint`.
    """
    by_cause = _HINTS_OF_READING.get(error.errno or 0)
    return BadInput(
        f"cannot read {path}: {reason(error)}",
        hint=by_cause or hint or "name a file that is there and may be read",
    )
