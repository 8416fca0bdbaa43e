"""Spans are the same however the file holds them: by line, as one document, packed, cut short."""

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.parsers.serving import otlp
from moeprof.parsers.serving.otlp import Spans
from moeprof.parsers.serving.otlp_objects import Span
from moeprof.store.errors import BadInput
from moeprof.tests.parsers.serving.traced_engine import document, event, span


def made(first: int, count: int) -> list[dict[str, object]]:
    """Spans with a text that only a reader of JSON can tell from the end of one."""
    events = [event("e", 1.5, {"a": 7, "b": 0.5, "c": True, "text": 'x"}],"spans":[{\\'})]
    return [span(f"s{at}", ("t", f"{at}", ""), events, n=at) for at in range(first, first + count)]


DOCUMENTS = [document(made(10 * at, 10), scope=f"scope{at}") for at in range(5)]
LINES = "".join(json.dumps(one) + "\n" for one in DOCUMENTS)
WHOLE = json.dumps({"resourceSpans": [one["resourceSpans"][0] for one in DOCUMENTS]})
FORMS = {
    "lines": LINES,
    "the last line without its end": LINES.rstrip("\n"),
    "one document on one line": WHOLE,
    "one document, indented": json.dumps(json.loads(WHOLE), indent=2),
    "an array of documents": json.dumps(DOCUMENTS, indent=1),
    "with empty lines": LINES.replace("\n", "\n\n"),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[Span]:
    path = tmp_path_factory.mktemp("otlp") / "lines.json"
    path.write_text(LINES)
    return list(Spans(path))


def test_a_span_has_what_the_file_says(expected: list[Span]) -> None:
    first = expected[0]
    assert (first.name, first.scope, first.resource) == ("s0", "scope0", {"service.name": "vllm"})
    assert (first.trace_id, first.span_id, first.parent_id) == ("t", "0", "")
    assert first.attributes == {"n": 0}
    assert first.events[0].attributes == {
        "a": 7, "b": 0.5, "c": True, "text": 'x"}],"spans":[{\\',
    }  # fmt: skip
    assert [one.attributes["n"] for one in expected] == list(range(50))


@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_holds_the_same_spans(form: str, expected: list[Span], tmp_path: Path) -> None:
    (path := tmp_path / "traces.json").write_text(FORMS[form])
    spans = Spans(path)
    assert list(spans) == expected
    assert (spans.cut_short, spans.broken_lines) == (False, 0)


@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_is_read_with_small_windows(
    form: str, expected: list[Span], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file of GBs would be: no line fits, and a list is looked through bit by bit."""
    monkeypatch.setattr(otlp, "LARGEST_PART_BYTES", 4096)
    monkeypatch.setattr(otlp, "_FIRST_PIECE_BYTES", 64)
    (path := tmp_path / "traces.json").write_text(FORMS[form])
    assert list(Spans(path)) == expected


def test_a_packed_file_is_unpacked(expected: list[Span], tmp_path: Path) -> None:
    (path := tmp_path / "traces.json.gz").write_bytes(gzip.compress(LINES.encode()))
    assert list(Spans(path)) == expected


@settings(max_examples=40, deadline=None)
@given(st.integers(min_value=1, max_value=len(LINES) - 2), st.booleans())
def test_a_file_cut_anywhere_gives_what_came_before(
    tmp_path_factory: pytest.TempPathFactory, cut: int, by_line: bool
) -> None:
    text = (LINES if by_line else WHOLE)[:cut]
    path = tmp_path_factory.mktemp("cut") / "cut.json"
    path.write_text(text)
    spans = Spans(path)
    try:
        found = [one.attributes.get("n") for one in spans]
    except BadInput:  # a piece of the first document, which could be anything
        found = []
    assert found == list(range(len(found)))
    if by_line and text.count("\n") and not text.endswith("\n"):
        whole = text.rpartition("\n")[2] in LINES.split("\n")
        assert spans.cut_short is not whole


def test_a_document_that_is_cut_short_says_so(tmp_path: Path) -> None:
    (path := tmp_path / "traces.json").write_text(WHOLE[: len(WHOLE) // 2])
    spans = Spans(path)
    assert 0 < len(list(spans)) < 50
    assert spans.cut_short


def test_a_broken_line_costs_no_more_than_itself(tmp_path: Path) -> None:
    lines = LINES.split("\n")
    lines[2] = lines[2][:100] + lines[2]
    (path := tmp_path / "traces.json").write_text("\n".join(lines))
    spans = Spans(path)
    assert len(list(spans)) == 40
    assert spans.broken_lines == 1


def test_a_span_of_a_document_that_is_none_is_refused_by_its_place(tmp_path: Path) -> None:
    broken = json.dumps(json.loads(WHOLE), indent=2).replace('"name": "s7"', '"name": 7', 1)
    (path := tmp_path / "traces.json").write_text(broken)
    with pytest.raises(BadInput, match=r"traces\.json: the span at byte \d+ .* is none of OTLP"):
        list(Spans(path))


def test_a_large_file_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "traces.json"
    line = json.dumps(document(made(0, 50))) + "\n"
    path.write_text(line * (24_000_000 // len(line)))
    tracemalloc.start()
    count = sum(1 for _ in Spans(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 50 * (24_000_000 // len(line))
    assert peak < 12_000_000


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        list(Spans(tmp_path / "none.json"))
