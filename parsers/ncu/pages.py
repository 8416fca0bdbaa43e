"""A CSV file of ncu cut into pages: names, units and one row per kernel, with their line numbers.

ncu shares the terminal with the program that it profiles, so the program's output may stand before,
between and after the rows. Several pages may follow each other in one file.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from ...store.errors import BadInput
from ..messages import Refusal
from .hints import DETAILS_HINT, EXPORT_HINT, PERMISSION_HINT
from .text import read_page_text

# ncu's columns of a kernel that are no metric.
DESCRIPTIONS: Final = frozenset({
    "ID", "Process ID", "Process Name", "Host Name", "Kernel Name", "Context", "Stream",
    "Block Size", "Grid Size", "Device", "CC",
})  # fmt: skip
_HEADER: Final = re.compile(r'(?:^|(?="))("?)ID\1([,;\t])\1Process ID\1(?=\2)')
# The first two cells of a row: ID and process, or neither in the row of units. A quoted row may
# follow output of the program without a line's end; pandas writes IDs as 0.0.
_ROW: Final = re.compile(
    r'(?<![,;\t])"[\d.,\'\u2019\s]*"([,;\t])"[\d.,\'\u2019\s]*"(?=\1)'
    r"|^\d*(?:\.0)?([,;\t])\d*(?:\.0)?(?=\2)"
)
_CUT_ROW: Final = re.compile(r'"\d*("([,;\t]("\d*"?)?)?)?')
_NEWLINE: Final = re.compile(r"\r\n|\n|\r")  # str.splitlines would also split at U+0085 in a name
_TROUBLE: Final = ("==ERROR==", "==WARNING==")
_MESSAGES: Final = ("==PROF==", *_TROUBLE)  # begin ncu's own lines
_OF_NCU: Final = re.compile(rf"^(?:{'|'.join(_MESSAGES)})|{_HEADER.pattern}", re.MULTILINE)
_MOST_KERNELS: Final = 400_000  # ten times what a day of ncu profiles; four seconds to read
_MAX_LINES_OF_A_ROW: Final = 1000  # a name may hold ends of lines
csv.field_size_limit(2**31 - 1)  # 128 KiB by default, and templates make longer names
# Cells of a kernel that a line of the program's output with as many cells does not have.
_SIZE: Final = re.compile(r"\([\d.,;'\u2019\s]+\)")
_INDEX: Final = re.compile(r"\d+(?:\.0)?")
_NO_NUMBER: Final = re.compile(r"(?![\d.,eE+-]+\Z).+", re.DOTALL)
_SIZES: Final = {"Block Size": _SIZE, "Grid Size": _SIZE}
_FORMS: Final = _SIZES | {"Kernel Name": _NO_NUMBER, "Device": _INDEX}


class Row(NamedTuple):
    """A kernel: its number among the kernels of the file, its first line (from 1), its cells."""

    launch: int
    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Page:
    """A page; `units` and the cells of each row are as many as `names`."""

    names: list[str]
    units: list[str]
    rows: list[Row]

    def kernel(self, row: Row) -> str:
        """Return the name of a row's kernel."""
        return row.cells[self.names.index("Kernel Name")]


@dataclass(slots=True)
class PageFile:
    """All pages of a file, and what else it holds.

    damaged: line, and what is wrong, of each row that is not whole.
    other_lines: line numbers of the program's output after the first header.
    said: ncu's own errors, then its warnings, each once.
    foreign_bytes: number of bytes that were read as Latin-1.
    """

    pages: list[Page] = field(default_factory=list)
    damaged: list[tuple[int, str]] = field(default_factory=list)
    other_lines: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    foreign_bytes: int = 0


def read_pages(path: Path) -> PageFile:
    """Read the raw pages of a file.

    Raises BadInput where the file cannot be read, has no page (ncu's own error is repeated), holds
    a details page, or its first page has no row of units.
    """
    text, foreign_bytes = read_page_text(path)
    lines = _NEWLINE.split(text)
    file = _Reader(path, lines).read()
    file.foreign_bytes = foreign_bytes
    # ncu's words may follow output of the program without a line's end.
    said = (line[line.index(mark) :] for mark in _TROUBLE for line in lines if mark in line)
    file.said = list(dict.fromkeys(said))
    if not file.pages:
        raise _no_page(path, file.said)
    return file


def is_ncu_output(text: str) -> bool:
    """Whether a text holds a line that only ncu writes: a page's header, or a message."""
    return ("Process ID" in text or "==" in text) and bool(_OF_NCU.search(text))


def _header(line: str) -> re.Match[str] | None:
    """Find the row of column names in a line; most lines are known without a search."""
    return _HEADER.search(line) if "Process ID" in line else None


def _is_kernel(
    row: dict[str, str], forms: Mapping[str, "re.Pattern[str]"], as_header: bool
) -> bool:
    """Whether cells by name are a kernel's and not the program's output, which may have as many.

    as_header: quoted, or not, as the header is. If not, none of the forms may be blank.
    """
    return all(
        form.fullmatch(row[name]) if row.get(name) else as_header for name, form in forms.items()
    )


def _no_page(path: Path, said: Sequence[str]) -> BadInput:
    if not said:
        return BadInput(f"{path} {Refusal.NOT_NCU_CSV}", hint=EXPORT_HINT)
    errors = [line for line in said if line.startswith(_TROUBLE[0])] or said
    hint = PERMISSION_HINT if "ERR_NVGPUCTRPERM" in " ".join(said) else "profile again"
    return BadInput(f"{path} {Refusal.NOT_NCU_CSV}; ncu said: {' / '.join(errors[-3:])}", hint=hint)


class _Reader:
    """Reads the lines of one file, from the first to the last."""

    def __init__(self, path: Path, lines: Sequence[str]) -> None:
        self._path = path
        self._lines = lines
        self._names: list[str] | None = None  # none before the first header
        self._delimiter = ","
        self._is_quoted = True
        self._wants_units = False
        self._launches = 0
        self._file = PageFile()

    def read(self) -> PageFile:
        at = 0
        while at < len(self._lines):
            at += self._read_at(at, self._lines[at])
        self._end_page(len(self._lines))
        return self._file

    def _read_at(self, at: int, line: str) -> int:
        """Read what begins at a line; return how many lines it takes."""
        if header := _header(line):
            self._end_page(at + 1)
            self._begin_page(at + 1, line[header.start() :], header)
        elif line.strip() and not line.startswith(_MESSAGES):
            is_last = at == len(self._lines) - 1
            start = _ROW.search(line) or (is_last and _CUT_ROW.fullmatch(line))
            if start and self._names is not None:
                return self._read_row(at, line[start.start() :], self._names)
            if self._names is not None or self._file.pages:
                self._file.other_lines.append(at + 1)
        return 1

    def _begin_page(self, line_number: int, line: str, header: re.Match[str]) -> None:
        self._is_quoted, self._delimiter = bool(header[1]), header[2]
        header_cells = next(csv.reader([line], delimiter=self._delimiter))
        names = [name.strip() for name in header_cells]
        if "Metric Name" in names or "Section Name" in names:
            raise BadInput(
                f"{self._path} {Refusal.NCU_DETAILS} (line {line_number})", hint=DETAILS_HINT
            )
        self._wants_units = "Kernel Name" in names
        self._names = names if self._wants_units else None
        if not self._wants_units:
            self._note_fault(line_number, "is a header without the column 'Kernel Name'")

    def _end_page(self, line_number: int) -> None:
        """Note a page that ends before its row of units."""
        if self._wants_units:
            self._note_fault(line_number, "should hold the units of the page's metrics")
        self._wants_units = False

    def _read_row(self, at: int, beginning: str, names: list[str]) -> int:
        """Read the row of a kernel or of units; return how many lines it takes."""
        text, count, cut = self._with_its_lines(at, beginning)
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter))
        if not any(cells[len(names) :]):
            del cells[len(names) :]  # a spreadsheet adds empty cells
        row = Row(self._launches, at + 1, cells)
        is_quoted = beginning[0] == '"'
        as_header = is_quoted == self._is_quoted
        is_whole = len(cells) == len(names) and not cut
        # A kernel may be called "e" or "1234", and its device may be no number.
        checked = _SIZES if is_whole and is_quoted and as_header else _FORMS
        forms = {name: form for name, form in checked.items() if name in names}
        named = dict(zip(names, map(str.strip, cells if is_whole else cells[:-1]), strict=False))
        is_blank = not cut and not any(map(str.strip, cells))
        if is_blank and not (is_whole and self._wants_units):
            return count  # a spreadsheet's
        if is_whole and not cells[0].strip():
            self._read_units(row, names)
        elif _is_kernel(named, forms, as_header):
            end = f", the last {cut}" if cut else ""
            fault = f"has {len(cells)} of {len(names)} cells{end}"
            self._add_kernel(row, "" if is_whole else fault)
        else:
            self._file.other_lines.append(row.line)
        return count

    def _read_units(self, row: Row, names: list[str]) -> None:
        """Begin a page by a row without an ID, if it holds units and not sums of a spreadsheet."""
        units = [cell.strip() for cell in row.cells]
        if all(map(_NO_NUMBER.fullmatch, filter(None, units))):
            self._file.pages.append(Page(names, units, []))
            self._wants_units = False
        else:
            self._file.other_lines.append(row.line)

    def _add_kernel(self, row: Row, fault: str) -> None:
        """Add a row to its page or note its fault; it keeps its number among the kernels."""
        self._launches += 1
        if self._launches > _MOST_KERNELS:
            raise BadInput(
                f"{self._path} has more than {_MOST_KERNELS} rows of kernels",
                hint="export fewer: ncu --import X.ncu-rep --launch-skip N --launch-count M",
            )
        if self._wants_units and not fault and not self._file.pages:
            raise BadInput(
                f"{self._path} {Refusal.NCU_NO_UNITS}: line {row.line} is a kernel's",
                hint=EXPORT_HINT,
            )
        if self._wants_units:
            fault = "should hold the units of the page's metrics"
        if fault:
            self._note_fault(row.line, fault)
        else:
            self._file.pages[-1].rows.append(row)

    def _note_fault(self, line_number: int, fault: str) -> None:
        """Note what is not whole in a file; refuse it where nothing is before."""
        if not self._file.pages:
            raise BadInput(
                f"{self._path} {Refusal.CUT_SHORT}: line {line_number} {fault}", hint=EXPORT_HINT
            )
        self._file.damaged.append((line_number, fault))

    def _with_its_lines(self, at: int, beginning: str) -> tuple[str, int, str]:
        """Add the lines that belong to a row, as a quoted cell may hold a line's end.

        Returns the row, its number of lines, and "". Where its last cell does not end: its first
        line, one, and what is wrong.
        """
        parts, quotes = [beginning], beginning.count('"')
        end = min(len(self._lines), at + _MAX_LINES_OF_A_ROW)
        while quotes % 2 and at + len(parts) < end:
            line = self._lines[at + len(parts)]
            if _ROW.match(line) or _header(line):
                break
            parts.append("" if line.startswith(_MESSAGES) else f"\n{line}")
            quotes += parts[-1].count('"')
        if quotes % 2 and len(parts) == _MAX_LINES_OF_A_ROW:
            return beginning, 1, f"without its end within {_MAX_LINES_OF_A_ROW} lines"
        is_last = at + len(parts) == len(self._lines)
        if quotes % 2 or (is_last and parts[-1].endswith(self._delimiter)):
            return beginning, 1, "without its end"
        return "".join(parts), len(parts), ""
