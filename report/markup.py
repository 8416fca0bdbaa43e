"""HTML from values: all text is escaped, so that no text of a run's files is run as code."""

import re
from collections.abc import Sequence
from html import escape
from typing import Final

# An absolute path, not after a word, colon or slash: so neither `tokens/s` nor a URL.
_PATH: Final = re.compile(r"(?:file://|(?<![\w:/.<~])~?)(?:[\\/][^\s\\/'\":,;()<>]+)+", re.ASCII)
_DRIVE: Final = re.compile(r"\b[A-Za-z]:(?:[\\/][^\s\\/'\":,;()<>]+)+")
_NUMBER: Final = re.compile(r"[-+]?\d[\d,.]*( %)?(<.*)?|")


class Html(str):
    """Text that is markup and is not escaped again."""

    __slots__ = ()


def without_folders(text: str) -> str:
    """Shorten each absolute path in `text` to its last part, because reports are shared."""
    return _DRIVE.sub(_last_part, _PATH.sub(_last_part, text))


def _last_part(path: re.Match[str]) -> str:
    return re.split(r"[\\/]", path.group())[-1]


def markup(value: object) -> Html:
    """Convert a value to markup: text is escaped unless it is Html; None becomes a dash."""
    if isinstance(value, Html):
        return value
    if value is None:
        return Html('<abbr title="not measured">—</abbr>')
    return Html(escape(without_folders(str(value))))


def element(tag: str, *children: object, **attributes: str) -> Html:
    """One HTML element; in attribute names `_` stands for `-`, and a final `_` is dropped."""
    pairs = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(without_folders(value))}"'
        for name, value in attributes.items()
    )
    return Html(f"<{tag}{pairs}>{joined(*children)}</{tag}>")


def joined(*children: object) -> Html:
    """Concatenate children as markup."""
    return Html("".join(map(markup, children)))


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Html:
    """Table whose first column names its rows; columns that hold only numbers align right.

    In a narrow window it scrolls horizontally within its own frame, also by keyboard.
    """
    # A class of the table per column, right1 and on, is shorter than a class of each cell.
    right = [
        f"right{column + 1}"
        for column in range(len(head))
        if all(_NUMBER.fullmatch("" if row[column] is None else str(row[column])) for row in rows)
    ]
    grid = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *(element("th", title, scope="col") for title in head))),
        element("tbody", *map(_row, rows)),
        class_=" ".join(right),
    )
    return element("div", grid, class_="frame", role="region", aria_label=caption, tabindex="0")


def _row(cells: Sequence[object]) -> Html:
    first = element("th", cells[0], scope="row")
    return element("tr", first, *(element("td", cell) for cell in cells[1:]))


def facts(pairs: Sequence[tuple[str, object]]) -> Html:
    """Definition list of names and values."""
    items = [element("div", element("dt", name), element("dd", value)) for name, value in pairs]
    return element("dl", *items)
