"""The frame of a page: its head, its sections, and the script that draws its charts."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache

import altair as alt
import vl_convert

from .markup import Html, element
from .style import DRAW, STYLE


def html_page(title: str, header: Html, sections: Sequence[tuple[str, str, Html]]) -> str:
    """A whole page of a header and sections, each by its id, its title and its content.

    It needs no network and no other file: a content security policy allows no script but its own.
    """
    links = [element("a", heading, href=f"#{name}") for name, heading, _ in sections]
    body = [
        element("section", element("h2", heading), content, id=name)
        for name, heading, content in sections
    ]
    main = element("main", header, element("nav", *links, aria_label="Sections"), *body)
    script = Html(f"<script>{_javascript()}</script>")
    page = element("html", _head(title), element("body", main, script), lang="en")
    return f"<!doctype html>\n{page}\n"


def _head(title: str) -> Html:
    digest = hashlib.sha256(_javascript().encode()).digest()
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{base64.b64encode(digest).decode()}'"
    )
    return Html(
        '<head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{element('title', title)}<style>{STYLE}</style></head>"
    )


@cache
def _javascript() -> str:
    """JavaScript of Vega, Vega-Lite and Vega-Embed, and of `style.DRAW`, which calls them."""
    version = ".".join(alt.VEGALITE_VERSION.split(".")[:2])
    return vl_convert.javascript_bundle(snippet=DRAW, vl_version=version)
