"""HTML from values: what is not markup already is escaped, so no text of a file can run."""

import re
from collections.abc import Sequence
from html import escape
from typing import Final

# Two parts or more, the first after no word, colon or slash: not `tokens/s`, and not a URL.
_PATH: Final = re.compile(r"(?:file://|(?<![\w:/.<~])~?)(?:[\\/][^\s\\/'\":,;()<>]+)+", re.ASCII)
_DRIVE: Final = re.compile(r"\b[A-Za-z]:(?:[\\/][^\s\\/'\":,;()<>]+)+")
_NUMBER: Final = re.compile(r"[-+]?\d[\d,.]*( %)?(<.*)?|")


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def without_folders(text: str) -> str:
    """`text` with each absolute path shortened to its last part: a report is made to be shared."""
    return _DRIVE.sub(_last_part, _PATH.sub(_last_part, text))


def _last_part(path: re.Match[str]) -> str:
    return re.split(r"[\\/]", path.group())[-1]


def markup(value: object) -> Html:
    """`value` as markup: escaped unless it is Html, a dash for None."""
    if isinstance(value, Html):
        return value
    if value is None:
        return Html('<abbr title="not measured">—</abbr>')
    return Html(escape(without_folders(str(value))))


def element(tag: str, *children: object, **attributes: str) -> Html:
    """One HTML element. Attribute names bear `_` for `-`, and one at the end is dropped."""
    pairs = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(without_folders(value))}"'
        for name, value in attributes.items()
    )
    return Html(f"<{tag}{pairs}>{joined(*children)}</{tag}>")


def joined(*children: object) -> Html:
    """Children one after the other."""
    return Html("".join(map(markup, children)))


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Html:
    """Table whose first column names its rows; columns of numbers alone are set to the right.

    It scrolls sideways within its own frame, also by keyboard, where the window is narrow.
    """
    # One class a column, right1 and on, stands for one on each of its cells.
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
    """List of names and values."""
    items = [element("div", element("dt", name), element("dd", value)) for name, value in pairs]
    return element("dl", *items)
