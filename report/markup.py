"""HTML from values: all text is escaped, so that no text of a run's files is run as code."""

import json
import re
from collections.abc import Sequence
from html import escape
from typing import Final

from ..store.text.printable import printable_lines
from ..store.text.shareable import shareable

_NUMBER: Final = re.compile(r"[-+]?\d[\d,.]*( %)?(<.*)?|")


class Html(str):
    """Text that is markup and is not escaped again."""

    __slots__ = ()


def shown(text: str) -> str:
    """Make a text of a file fit for a page that is shared: no path of a machine, nothing unseen."""
    return printable_lines(shareable(text))


def markup(value: object) -> Html:
    """Convert a value to markup: text is escaped unless it is Html; None becomes a dash."""
    if isinstance(value, Html):
        return value
    if value is None:
        return Html('<abbr title="not measured">—</abbr>')
    return Html(escape(shown(str(value))))


def element(tag: str, *children: object, **attributes: str) -> Html:
    """One HTML element; in attribute names `_` stands for `-`, and a final `_` is dropped."""
    pairs = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(shown(value))}"'
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


def plot(name: str, spec: object, alternative: str) -> Html:
    """The place of a chart, which the page's script draws by its specification in Vega-Lite.

    `name` is its own in the page; `alternative` says what it shows to those who do not see it. In
    the JSON `<` is escaped, so that no text ends the element.
    """
    text = json.dumps(spec, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    box = element("div", class_="plot", role="img", aria_label=alternative, data_spec=name)
    safe = Html(text.replace("<", "\\u003c"))
    return joined(box, element("script", safe, type="application/json", id=name))
