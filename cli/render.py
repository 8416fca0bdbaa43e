"""Everything that moeprof prints: data to stdout, talk to stderr.

Talk is meant for a person and may change; data (`--json`, a preset's TOML) is for programs.
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

_talk = Console(stderr=True, highlight=False, soft_wrap=True)
_data = Console(highlight=False, soft_wrap=True)

_OUT_TO = 1e9  # written with an exponent from here on
_OUTCOME_STYLES = {
    "PASS": "green",
    "ok": "green",
    "FAIL": "red",
    "fault": "red",
    "AMBIGUOUS": "yellow",
    "warning": "yellow",
}


def say(text: str) -> None:
    """Tell the user something."""
    _talk.print(escape(text))


def warn(text: str) -> None:
    """Tell the user of a doubt."""
    _talk.print(f"[yellow]warning:[/] {escape(text)}")


def error(message: str, hint: str = "") -> None:
    """Tell the user what went wrong and, where there is one, the way out."""
    _talk.print(f"[red]error:[/] {escape(message)}")
    if hint:
        _talk.print(f"[cyan]hint:[/] {escape(hint)}")


def data(value: object) -> None:
    """Give a program `value` as JSON."""
    text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def text(value: str) -> None:
    """Give a program `value` as it is."""
    sys.stdout.write(value if value.endswith("\n") else value + "\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Show a table; a column whose name begins with "#" holds numbers."""
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


class SweepBar:
    """Progress bar of a sweep: operation, batch size, done of total, time left."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description:22}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=_talk,
        )
        self._task = self._bar.add_task("starting", total=None)
        self._op = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def end(self, done: int) -> None:
        """Show that the sweep has ended, with `done` points measured or failed."""
        self._bar.update(self._task, description="done", completed=done, total=done)

    def point(self, collector: str, op: str, tokens: int, done: int, total: int) -> None:
        """Show the point that is about to be measured."""
        if op != self._op and not _talk.is_terminal:
            say(f"{collector}: {op} ({done}/{total} points done)")
        self._op = op
        description = f"{escape(op)} b={tokens}"
        self._bar.update(self._task, description=description, completed=done, total=total)


def number(value: Any, digits: int = 4) -> str:
    """Write a quantity with `digits` significant digits; "-" where it is not measured.

    Large ones are written out to the unit, up to a billion.
    """
    if value is None:
        return "-"
    return f"{value:,.0f}" if 10**digits <= abs(value) < _OUT_TO else f"{value:.{digits}g}"


def percent(value: float | None) -> str:
    """Write a share in percent, without the sign; "-" where it is not known."""
    return "-" if value is None else f"{100 * value:.2f}"
