"""Values of OTLP JSON: a text or a number where they are long, and what is none of them."""

import json

import pytest

from moeprof.parsers.serving.otlp_objects import Span, resource_of, scope_of, span_of, spans_of
from moeprof.tests.parsers.serving.traced_engine import attribute, document, span


def only(text: bytes) -> Span:
    """The one span of a document."""
    spans = spans_of(text)
    assert spans is not None
    (found,) = spans
    return found


@pytest.mark.parametrize("written", ["1790000000000000123", 1790000000000000123])
def test_nanoseconds_are_a_text_or_a_number(written: str | int) -> None:
    one = span("s", ("t", "1", ""), [])
    one["startTimeUnixNano"] = written
    one["attributes"] = [{"key": "n", "value": {"intValue": written}}]
    found = only(json.dumps(document([one])).encode())
    assert (found.start_ns, found.attributes["n"]) == (1790000000000000123, 1790000000000000123)


def test_values_of_other_kinds_are_left_out() -> None:
    one = span("s", ("t", "1", ""), [])
    one["attributes"] = [
        {"key": "list", "value": {"arrayValue": {"values": []}}},
        {"key": "none"},
        {"key": "word", "value": {"intValue": "seven"}},
        {"key": "nan", "value": {"doubleValue": "NaN"}},
        attribute("n", 1),
    ]
    found = only(json.dumps(document([one])).encode())
    assert set(found.attributes) == {"nan", "n"}


def test_a_text_that_is_no_document_gives_none() -> None:
    assert spans_of(b'{"resourceSpans": 7}') is None
    assert spans_of(b'{"resourceSpans": [') is None
    assert list(spans_of(b'{"resourceLogs": []}') or ()) == []


def test_parts_are_read_by_themselves() -> None:
    assert resource_of(b'{"attributes": [{"key": "k", "value": {"intValue": "1"}}]}') == {"k": 1}
    assert scope_of(b'{"name": "vllm.api"}') == "vllm.api"
    assert (resource_of(b"{"), scope_of(b"7")) == (None, None)
    assert span_of(b'{"name": "s"}', {"k": 1}, "scope").resource == {"k": 1}


def test_spans_of_the_first_otlp_are_read() -> None:
    found = only(
        b'{"resourceSpans": [{"instrumentationLibrarySpans": [{"spans": [{"name": "old"}]}]}]}'
    )
    assert found.name == "old"
