from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.report.markup import Html, element, joined, markup, table


class Tags(HTMLParser):
    """The start tags of a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)


@given(st.text())
@settings(max_examples=50)
def test_no_text_becomes_a_tag(text: str) -> None:
    assert Tags(element("p", text, title=text)).found == ["p"]


def test_text_is_escaped_once_and_html_is_not() -> None:
    assert markup("a < b & c") == "a &lt; b &amp; c"
    assert joined(Html("<b>"), "<b>") == "<b>&lt;b&gt;"


def test_an_unmeasured_value_is_a_dash_and_not_a_zero() -> None:
    assert markup(None) == '<abbr title="not measured">—</abbr>'
    assert markup(0) == "0"


def test_underscores_of_attribute_names_become_dashes() -> None:
    assert element("p", class_="a", aria_label='"') == '<p class="a" aria-label="&quot;"></p>'


def test_absolute_paths_lose_their_folders() -> None:
    assert markup("/home/someone/ops/my_op.py:3") == "my_op.py:3"
    assert element("p", title="~/runs/a") == '<p title="a"></p>'


def test_what_turns_letters_round_is_seen() -> None:
    assert markup("a\u202eb\x1b[2J") == "a\\u202eb\\u001b[2J"


def test_columns_that_hold_only_numbers_align_right() -> None:
    text = table(
        "c", ("name", "n", "error", "why"), [("a", 1, "-0.50 %", "1 of 2"), ("b", None, "", "")]
    )
    assert '<table class="right2 right3">' in text
    assert '<th scope="row">a</th>' in text


def test_a_table_is_named_and_can_be_scrolled_by_keyboard() -> None:
    text = table("Sizes", ("a",), [("x",)])
    assert "<caption>Sizes</caption>" in text
    assert 'role="region" aria-label="Sizes" tabindex="0"' in text
    assert '<th scope="col">a</th>' in text
