"""Standard streams that outlast their reader: a closed pipe or a full disk stops no measurement."""

import errno
import io
import os
import select
import sys
from typing import Any, Final, TextIO

from ..store.errors import BadInput
from ..store.files import reason

_STANDARD: Final = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)  # stdin, stdout, stderr
_STDOUT: Final = 1
_STDERR: Final = 2


class _Outlasting(io.FileIO):
    """A file descriptor whose first refusal to be written is kept in `refusal`, not raised."""

    refusal: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write some of `data`, waiting where it has to; drop it from the first refusal on."""
        written: int | None = None
        while self.refusal is None and written is None:
            try:
                written = super().write(data)
            except OSError as error:
                self.refusal = error
            else:
                if written is None:  # set to non-blocking by whoever else has it, and full
                    select.select([], [self], [])
        return memoryview(data).nbytes if written is None else written


def prepare_streams() -> None:
    """Open what was closed of stdin, stdout and stderr, and let the latter two outlast a refusal.

    A closed descriptor would else be taken by the next file that is opened, and what is printed
    would be written into that file. What a stream's encoding lacks is written as an escape.

    Stdout is for data alone: what writes to descriptor 1 by itself, such as a library or the code
    of an operation, reaches stderr. A terminal without a size counts as one of 80 columns.
    """
    if os.environ.get("COLUMNS") == "0":  # rich would print nothing
        del os.environ["COLUMNS"]
    for descriptor, flags in enumerate(_STANDARD):
        if not _is_open(descriptor):
            os.open(os.devnull, flags)  # the lowest that is free, which is this one
    sys.stdout = _outlasting(os.dup(_STDOUT), sys.stdout)
    sys.stderr = _outlasting(_STDERR, sys.stderr)
    os.dup2(_STDERR, _STDOUT)


def flush_streams() -> None:
    """Write what is printed and not written yet.

    Raises BadInput where stdout refused anything, but for a reader that has left: such as `head`,
    which wants no more.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    refusal = raw.refusal if isinstance(raw, _Outlasting) else None
    if refusal is not None and refusal.errno != errno.EPIPE:
        raise BadInput(
            f"cannot write to stdout: {reason(refusal)}", hint="send it where there is room"
        )


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _outlasting(descriptor: int, stream: TextIO | None) -> io.TextIOWrapper:
    """Give a stream of the same descriptor and encoding, which is UTF-8 where there was none."""
    if stream is not None:
        stream.flush()
    binary = io.BufferedWriter(_Outlasting(descriptor, "w", closefd=False))
    encoding = "utf-8" if stream is None else stream.encoding
    return io.TextIOWrapper(binary, encoding, "backslashreplace", line_buffering=True)
