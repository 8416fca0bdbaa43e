"""Logs of a run: the end of what each process printed, in `logs/`."""

import itertools
import os
from pathlib import Path

from ..store.files import cannot_write, write_whole
from ..store.run import Run
from ..store.text.shareable import shareable


def new_log(run: Run, op: str) -> Path:
    """Path of the log of the next process of an operation; its folder is there.

    Raises BadInput where the folder cannot be made.
    """
    for number in itertools.count():
        path = run.log(f"{op}.{number}")
        if not os.path.lexists(path):  # a link would be followed
            break
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    return path


def end_log(path: Path) -> None:
    """Make the log of an ended process fit to be shared; remove it where nothing was printed."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if text:
        write_whole(path, "".join(map(shareable, text.splitlines(keepends=True))))
    else:
        path.unlink()
