"""Numbers as people and programs write them: decimal points and commas, thousands marks, units."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from ...stats.arrays import Float64
from ...store.errors import BadInput

# A number that may have marks between its digits, and the unit behind it.
_NUMBER: Final = r"[-+]?[0-9.,'\u2019 \u00a0\u202f]*[0-9][.,]?(?:[eE][-+]?[0-9]+)?"
_CELL: Final = rf"^({_NUMBER})[ \u00a0]*([a-zA-Z\u00b5\u03bc]*)$"
_SPACES: Final = r"[ '\u2019\u00a0\u202f]"  # thousands marks that are never decimal marks
_HINT: Final = "write decimal points, or commas and semicolons between the columns"


def numbers_and_units(column: "pd.Series[Any]") -> tuple["pd.Series[Any]", "pd.Series[Any]"]:
    """The text of each cell's number and of its unit ("" without one); NaN where there is none."""
    if pd.to_numeric(column, errors="coerce").notna().all():  # much faster than by the expression
        return column, pd.Series("", index=column.index)
    parts = column.str.strip().str.extract(_CELL)
    return parts[0].str.replace(_SPACES, "", regex=True), parts[1]


def decimal_marks(
    path: Path, columns: Sequence["pd.Series[Any]"], separator: str
) -> tuple[str, ...]:
    """The marks that may be the decimal one of a file, from the text of all its numbers.

    A mark is decimal where another mark stands before it, and where what follows or goes before it
    is no group of thousands. Both "." and "," are returned where every mark stands before three
    digits: then only what the numbers mean can tell. A point between columns that are
    `separator`-ed by commas is decimal. Raises BadInput where cells disagree.
    """
    if separator == "," and not any(column.str.contains(",", na=False).any() for column in columns):
        return (".",)
    shown = _shown_marks(columns)
    if len(shown) > 1:
        named = " and ".join(f"{text!r:.40}" for text in shown.values())
        raise BadInput(f"{path} has no one decimal mark: see {named}", hint=_HINT)
    if shown:
        return tuple(shown)
    return (".", ",") if first_marked(columns) is not None else (".",)


def first_marked(columns: Sequence["pd.Series[Any]"]) -> str | None:
    """The first cell that holds a point or a comma."""
    for column in columns:
        marked = column[column.str.contains("[.,]", na=False)]
        if len(marked):
            return str(marked.iloc[0])
    return None


def _shown_marks(columns: Sequence["pd.Series[Any]"]) -> dict[str, str]:
    """Marks that some cell shows to be decimal, each with such a cell."""
    shown: dict[str, str] = {}
    for column in columns:
        for mark, other in ((".", ","), (",", ".")):
            known = column[column.str.contains(mark, regex=False, na=False)]
            fraction, thousands = _decimal(known, mark, other), _twice(known, mark)
            for decimal, cells in ((mark, fraction), (other, thousands)):
                if len(cells):
                    shown.setdefault(decimal, str(cells.iloc[0]))
    return shown


def values(column: "pd.Series[Any]", decimal: str) -> Float64:
    """The numbers of a column, NaN where there is none or its marks are in no right place."""
    thousands = "," if decimal == "." else "."
    grouped = column.str.contains(thousands, regex=False, na=False)
    if grouped.any():
        right = column.str.match(rf"^[-+]?[0-9]{{1,3}}(\{thousands}[0-9]{{3}})+(\{decimal}|[eE]|$)")
        plain = column.str.replace(thousands, "", regex=False)
        column = plain.where(~grouped | right.fillna(False).astype(bool))
    if decimal == ",":
        column = column.str.replace(",", ".", regex=False)
    return np.asarray(pd.to_numeric(column, errors="coerce"), dtype=np.float64)


def _decimal(cells: "pd.Series[Any]", mark: str, other: str) -> "pd.Series[Any]":
    """Cells whose one `mark` can only be a decimal mark."""
    once = cells[cells.str.count(f"\\{mark}") == 1]
    group = once.str.match(rf"^[-+]?[1-9][0-9]{{0,2}}\{mark}[0-9]{{3}}(\{other}|$)")
    return once[~group.fillna(False).astype(bool)]


def _twice(cells: "pd.Series[Any]", mark: str) -> "pd.Series[Any]":
    """Cells that have `mark` between thousands, and so not as a decimal mark."""
    return cells[cells.str.match(rf"^[-+]?[0-9]{{1,3}}(\{mark}[0-9]{{3}}){{2,}}")]
