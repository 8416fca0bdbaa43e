"""The log as CSV: a line "# router_metrics/1", the names of the columns, then a line per row.

A list is its numbers with spaces between them. A cell that was not measured is empty. A line
without an end is what a killed process left, and is cut off when the log is opened again.
"""

import csv
import io
from pathlib import Path
from typing import Final

from ...store.disk.sync import make_folder
from ...store.errors import BadInput, shortened
from .appended import AppendedFile
from .row import SCHEMA, Cell, columns

_TAIL_BYTES: Final = 1 << 20  # longer than any row


class CsvLog:
    """A CSV file that rows are added to.

    Raises BadInput where another logger has it open, and for a file that is no log of this schema;
    OSError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        make_folder(path.parent)
        self._file = AppendedFile(path)
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise

    def add(self, rows: list[list[Cell]]) -> None:
        """Add rows, all or none. Raises OSError where that fails."""
        self._file.add(_lines(rows))

    def is_at_path(self) -> bool:
        """Whether the log is still at its path."""
        return self._file.is_at_path()

    def tidy(self) -> None:
        """Nothing: a CSV file is whole at any time."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def abandon(self) -> None:
        """In a forked process: leave the file to the process that writes it."""
        self._file.abandon()

    def _begin(self) -> None:
        """Write the first lines, or see that they are there; cut off a line without an end."""
        head = f"# {SCHEMA}\n".encode() + _lines([[*columns()]])
        found = self._file.read(len(head))
        if head.startswith(found) and found != head:  # it is new, or was cut while it was made
            self._file.cut(0)
            self._file.add(head)
        elif found != head:
            first = shortened(found.partition(b"\n")[0].decode(errors="replace"))
            raise BadInput(
                f"{self._file.path} begins with {first!r}, and is no log of {SCHEMA}",
                hint="name another file, or move that one away",
            )
        tail_from = max(0, self._file.size_bytes - _TAIL_BYTES)
        tail = self._file.read(_TAIL_BYTES, tail_from)
        self._file.cut(tail_from + tail.rfind(b"\n") + 1)


def _lines(rows: list[list[Cell]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_text(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _text(cell: Cell) -> int | float | str | None:
    if cell is None or isinstance(cell, int | float | str):
        return cell
    return " ".join(map(str, cell.tolist()))
