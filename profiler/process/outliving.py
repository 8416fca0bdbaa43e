"""A process that outlives moeprof for as long as it takes to put something back.

What runs under a supervisor is killed when moeprof is gone. A process that has changed a setting of
the machine must end later: it learns from the end of its input that moeprof ended, in whatever way,
and is in a session of its own, which no signal of a terminal reaches.
"""

import contextlib
import os
import select
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Final

from .line_process import ProcessEnded
from .run import one_line
from .supervised import package_path

_END_S: Final = 10.0  # what it puts back takes some calls of a driver


@contextmanager
def outliving(command: Sequence[str], timeout_s: float) -> Iterator[str]:
    """Start a process and yield the first line that it writes to stdout; let it end after that.

    It is never killed, so that it can put back what it changed. Raises ProcessEnded where no line
    comes within `timeout_s`, and where the process ended before the block did.
    """
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            command,
            env=os.environ | package_path(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        try:
            yield _first_line(child, timeout_s, errors)
            if child.poll() is not None:
                raise ProcessEnded(_how_it_ended(child, errors))
        finally:
            _let_end(child)


def _first_line(child: subprocess.Popen[bytes], timeout_s: float, errors: IO[bytes]) -> str:
    assert child.stdout is not None
    if not select.select([child.stdout], [], [], timeout_s)[0]:
        raise ProcessEnded(f"no answer within {timeout_s:g} s")
    line = child.stdout.readline().decode(errors="replace")
    if not line:
        raise ProcessEnded(_how_it_ended(child, errors))
    return line


def _how_it_ended(child: subprocess.Popen[bytes], errors: IO[bytes]) -> str:
    code = child.wait(_END_S)
    errors.seek(0)
    words = one_line(errors.read().decode(errors="replace"))
    return f"the process ended with exit code {code}" + (f": {words}" if words else "")


def _let_end(child: subprocess.Popen[bytes]) -> None:
    """Close its input, by which it knows that it is to end, and wait for that."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_END_S)
    child.stdout.close()
