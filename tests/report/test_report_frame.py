from moeprof.report.frame import html_page
from moeprof.report.markup import element


def test_a_page_has_its_sections_and_links_to_them() -> None:
    header = element("header", element("h1", "A <title>"))
    text = html_page("A <title>", header, [("one", "First & last", element("p", "text"))])
    assert text.startswith("<!doctype html>\n")
    assert "<title>A &lt;title&gt;</title>" in text
    assert '<a href="#one">First &amp; last</a>' in text
    assert '<section id="one"><h2>First &amp; last</h2><p>text</p></section>' in text


def test_a_page_runs_its_own_script_alone_and_asks_no_network() -> None:
    text = html_page("title", element("header"), [])
    assert "default-src 'none'" in text
    assert text.count("<script") == 1
