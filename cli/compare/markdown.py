"""A comparison as Markdown for a pull request, and as annotations of a GitHub workflow."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...store.errors import BadInput
from ...store.files import reason
from ...store.text.printable import printable_lines
from ...store.verdicts.comparison import Change
from ...store.verdicts.comparison_words import factor, headline, left_out, sentences
from .. import render
from .output import interval

if TYPE_CHECKING:
    from ...store.verdicts.comparison import Comparison

_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
_LEVELS: Final = {Change.REGRESSION: "error", Change.INCONCLUSIVE: "warning"}


def markdown(found: "Comparison") -> str:
    """Write a comparison as Markdown: verdict, table of operations, what changed."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: "Comparison") -> Iterator[str]:
    yield f"### moeprof compare: {found.verdict}"
    yield ""
    yield f"{_cell(found.new)} against {_cell(found.old)}: {headline(found)}"
    yield ""
    yield "| quantity | op | n | new / old | 95 % | p (adjusted) | verdict |"
    yield "|---|---|---:|---:|---:|---:|---|"
    for row in found.ops:
        p = min(row.p_more, row.p_less)
        cells = (row.metric, row.op, str(row.n), f"{row.change:.3f}", interval(row), f"{p:.2g}")
        yield f"| {' | '.join(map(_cell, cells))} | {row.verdict} |"
    yield ""
    for sentence in (*sentences(found), *left_out(found)):
        yield f"- {_cell(sentence)}"


def show_on_github(found: "Comparison") -> None:
    """Print annotations for each change, and add the table to the summary of the step.

    Raises BadInput where that file cannot be written.
    """
    for row in found.ops:
        if row.verdict in _LEVELS:
            what = row.reason if row.verdict is Change.INCONCLUSIVE else factor(row)
            title = f"{row.verdict}: {row.op} {row.metric}"
            render.text(
                f"::{_LEVELS[row.verdict]} title={_property(title)}::{_message(what or '')}"
            )
    path = os.environ.get(_SUMMARY)
    if not path:
        render.text(markdown(found))
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(printable_lines(markdown(found)))
    except OSError as error:
        raise BadInput(f"cannot write {path}, the summary of the step: {reason(error)}") from error


def _cell(text: str) -> str:
    """Let a text stand in a cell: no bar, no markup, one line."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _message(text: str) -> str:
    """Escape the message of a workflow command (GitHub's toolkit, command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
