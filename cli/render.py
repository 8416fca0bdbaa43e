"""Everything that moeprof prints: data to stdout, messages to stderr.

Messages are meant for a person and may change; data (`--json`, a preset's TOML) is for programs.
Every text goes through `printable`, so that no data acts on a terminal.
"""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from textwrap import wrap
from traceback import format_exception
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from ..store.errors import shortened
from ..store.percent import percent as in_percent
from ..store.text.printable import printable, printable_lines

_talk = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
_data = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)

_EXPONENT_FROM = 1e9
_COLUMNS = 79
_NO_BREAK = "\N{NO-BREAK SPACE}"
_LONGEST_ROUND = 30
_LONGEST_NAME = 16  # the progress bar has no room for more of an operation
_OUTCOME_STYLES = {
    "PASS": "green",
    "ok": "green",
    "FAIL": "red",
    "fault": "red",
    "AMBIGUOUS": "yellow",
    "warning": "yellow",
    "regression": "red",
    "improved": "green",
    "inconclusive": "yellow",
}


# The lines of one cell of a table.
Lines = tuple[str, ...]


def say(text: str) -> None:
    """Print one line for a person, to stderr."""
    _talk.print(printable(text, _talk.encoding))


def paragraph(text: str, indent: str = "") -> None:
    """Print a sentence for a person, on as many lines of 80 columns as it takes, to stderr.

    No line ends between a number and its percent sign.
    """
    lines = wrap(
        text.replace(" %", f"{_NO_BREAK}%"),
        _COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_on_hyphens=False,
    )
    for line in lines:
        say(line.replace(_NO_BREAK, " "))


def warn(text: str) -> None:
    """Print a warning, on one line; a terminal breaks it between words."""
    _labelled("warning", "yellow", text)


def error(message: str, hint: str = "") -> None:
    """Print what went wrong, on one line, and, where there is a hint, what to do instead.

    A terminal breaks lines between words.
    """
    _labelled("error", "red", message)
    if hint:
        _labelled("hint", "cyan", hint)


def trace(caught: BaseException) -> None:
    """Print the traceback of an error, to stderr."""
    lines = "".join(format_exception(caught))
    sys.stderr.write(printable_lines(lines, _talk.encoding))


def data(value: object) -> None:
    """Print `value` as JSON."""
    text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def text(value: str) -> None:
    """Print lines as they are, but for what would act on a terminal.

    That is written as an escape of JSON, which TOML has too: JSON and TOML stay the same data.
    """
    lines = value if value.endswith("\n") else value + "\n"
    sys.stdout.write(printable_lines(lines, _data.encoding))


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Lines]],
    *,
    dense: bool = False,
) -> None:
    """Print a table; a column whose name begins with "#" is aligned to the right.

    Where it is `dense`, one space stands between columns in place of two.
    """
    shown = Table(box=None, padding=(0, 0, 0, 1) if dense else (0, 1))
    for column in columns:
        shown.add_column(
            column.removeprefix("#"),
            justify="right" if column.startswith("#") else "left",
            overflow="fold",
        )
    for row in rows:
        shown.add_row(*map(_cell, row))
    _data.print(Text(printable(title, _data.encoding), style="bold"), soft_wrap=False)
    _data.print(shown, soft_wrap=False)


def _labelled(label: str, colour: str, text: str) -> None:
    shown = printable(text, _talk.encoding)
    _talk.print(Text.assemble((f"{label}:", colour), f" {shown}"), soft_wrap=not _talk.is_terminal)


def _cell(value: str | Lines) -> Text:
    lines = [value] if isinstance(value, str) else value
    shown = "\n".join(printable(line, _data.encoding) for line in lines)
    return Text(shown, style=_OUTCOME_STYLES.get(shown, ""))


class Talk:
    """Prints what a stage reports: facts, warnings, and the progress bar of a sweep.

    The bar shows the operation, the batch size, done of total and the time left. It appears with
    the first point and stays when the sweep has ended; leaving the context ends it as well.
    """

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._op = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def notice(self, text: str) -> None:
        """Print a fact."""
        say(text)

    def warning(self, text: str) -> None:
        """Print a warning."""
        warn(text)

    def point(self, collector: str, op: str, tokens: int, done: int, total: int) -> None:
        """Show the point that is measured next."""
        bar = self._started()
        if op != self._op and not _talk.is_terminal:
            say(f"{collector}: {op} ({done}/{total} points done)")
        self._op = op
        name = printable(shortened(op, _LONGEST_NAME), _talk.encoding)
        description = f"{name} b={tokens}"
        bar.update(bar.task_ids[0], description=description, completed=done, total=total)

    def end(self, done: int, total: int) -> None:
        """Show that the sweep has ended, with `done` points of `total` measured or failed."""
        bar = self._started()
        description = "done" if done == total else "time is up"
        bar.columns = bar.columns[:-2]  # without the time that is left
        bar.update(bar.task_ids[0], description=description, completed=done, total=total)
        bar.stop()
        self._bar = None

    def _started(self) -> Progress:
        if self._bar is None:
            self._bar = _bar(22, 16)
            self._bar.start()
        return self._bar


class Rounds:
    """A progress bar over rounds of the same work, with the time left; on a terminal alone."""

    def __init__(self) -> None:
        self._bar = _bar(_LONGEST_ROUND, 12)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._bar.live.is_started:  # a bar that ends prints a line
            self._bar.stop()

    def next(self, name: str, done: int, total: int) -> None:
        """Show which round comes next, after `done` of `total`."""
        shown = printable(shortened(name, _LONGEST_ROUND), _talk.encoding)
        self._bar.update(self._bar.task_ids[0], description=shown, completed=done, total=total)
        if _talk.is_terminal:
            self._bar.start()


def _bar(name_columns: int, bar_columns: int) -> Progress:
    """A bar that has not started: a name, done of total, the time gone and the time left."""
    bar = Progress(
        TextColumn(f"{{task.description:{name_columns}}}", markup=False),
        BarColumn(bar_width=bar_columns),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA", markup=False),
        TimeRemainingColumn(),
        console=_talk,
    )
    bar.add_task("starting", total=None)
    return bar


def name_lines(name: str, most: int) -> Lines:
    """A name on lines of at most so many characters, none broken within a word."""
    lines = [""]
    for word in re.findall("[^-_]*[-_]?", name):
        if lines[-1] and len(lines[-1] + word) > most:
            lines.append("")
        lines[-1] += word
    return tuple(lines)


def number(value: Any, digits: int = 4) -> str:
    """Write a quantity with `digits` significant digits; "-" where it is not measured.

    Large ones are written out to the unit, with thousands apart, up to a billion.
    """
    if value is None:
        return "-"
    whole = 10 ** (digits - 1)  # from here on, so many digits reach the unit
    return f"{value:,.0f}" if whole <= abs(value) < _EXPONENT_FROM else f"{value:.{digits}g}"


def percent(value: float | None) -> str:
    """Write a share in percent, without the sign; "-" where it is not known."""
    return "-" if value is None else in_percent(value)
