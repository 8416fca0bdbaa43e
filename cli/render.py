"""Everything that moeprof prints: data to stdout, messages to stderr.

Messages are meant for a person and may change; data (`--json`, a preset's TOML) is for programs.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ..store.percent import percent as in_percent

_talk = Console(stderr=True, highlight=False, soft_wrap=True)
_data = Console(highlight=False, soft_wrap=True)

_EXPONENT_FROM = 1e9
# Names of files and kernels may hold ends of lines and codes that control a terminal.
_ESCAPED = {code: repr(chr(code))[1:-1] for code in (*range(32), 127)}
_OUTCOME_STYLES = {
    "PASS": "green",
    "ok": "green",
    "FAIL": "red",
    "fault": "red",
    "AMBIGUOUS": "yellow",
    "warning": "yellow",
}


def say(text: str) -> None:
    """Print one line for a person, to stderr."""
    _talk.print(escape(text))


def warn(text: str) -> None:
    """Print a warning, on one line."""
    _talk.print(f"[yellow]warning:[/] {escape(text.translate(_ESCAPED))}")


def error(message: str, hint: str = "") -> None:
    """Print what went wrong, on one line, and, where there is a hint, what to do instead."""
    _talk.print(f"[red]error:[/] {escape(message.translate(_ESCAPED))}")
    if hint:
        _talk.print(f"[cyan]hint:[/] {escape(hint)}")


def data(value: object) -> None:
    """Print `value` as JSON."""
    text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def text(value: str) -> None:
    """Print `value` as it is."""
    sys.stdout.write(value if value.endswith("\n") else value + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; a column whose name begins with "#" is aligned to the right."""
    shown = Table(box=None)
    for column in columns:
        shown.add_column(
            column.removeprefix("#"),
            justify="right" if column.startswith("#") else "left",
            overflow="fold",
        )
    for row in rows:
        shown.add_row(*map(_cell, row))
    _data.print(f"[bold]{escape(title)}[/]")
    _data.print(shown, soft_wrap=False)


def _cell(value: str) -> str:
    style = _OUTCOME_STYLES.get(value)
    return f"[{style}]{value}[/]" if style else escape(value)


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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
        description = f"{escape(op)} b={tokens}"
        bar.update(bar.task_ids[0], description=description, completed=done, total=total)

    def end(self, done: int) -> None:
        """Show that the sweep has ended, with `done` points measured or failed."""
        bar = self._started()
        bar.update(bar.task_ids[0], description="done", completed=done, total=done)
        bar.stop()
        self._bar = None

    def _started(self) -> Progress:
        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.description:22}"),
                BarColumn(bar_width=16),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("ETA"),
                TimeRemainingColumn(),
                console=_talk,
            )
            self._bar.add_task("starting", total=None)
            self._bar.start()
        return self._bar


def number(value: Any, digits: int = 4) -> str:
    """Write a quantity with `digits` significant digits; "-" where it is not measured.

    Large ones are written out to the unit, up to a billion.
    """
    if value is None:
        return "-"
    return f"{value:,.0f}" if 10**digits <= abs(value) < _EXPONENT_FROM else f"{value:.{digits}g}"


def percent(value: float | None) -> str:
    """Write a share in percent, without the sign; "-" where it is not known."""
    return "-" if value is None else in_percent(value)
