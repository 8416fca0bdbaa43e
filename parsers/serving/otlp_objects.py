"""What OTLP JSON holds of spans, and the spans that are made of it.

64-bit integers are texts in OTLP JSON, and numbers as some tools write them: both are read. The
fields are those of opentelemetry/proto/trace/v1/trace.proto.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

Attributes = dict[str, str | int | float | bool]


class _Value(msgspec.Struct, rename="camel"):
    """One of these; of any type, so that one odd value does not cost a whole line."""

    int_value: Any = None
    double_value: Any = None
    string_value: Any = None
    bool_value: Any = None


class _Pair(msgspec.Struct):
    key: str = ""
    value: _Value | None = None


class _Event(msgspec.Struct, rename="camel"):
    name: str = ""
    time_unix_nano: int | str | None = None
    attributes: list[_Pair] | None = None


class _Span(msgspec.Struct, rename="camel"):
    name: str = ""
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    start_time_unix_nano: int | str | None = None
    end_time_unix_nano: int | str | None = None
    attributes: list[_Pair] | None = None
    events: list[_Event] | None = None


class _Resource(msgspec.Struct):
    attributes: list[_Pair] | None = None


class _Scope(msgspec.Struct):
    name: str = ""


class _ScopeSpans(msgspec.Struct):
    scope: _Scope | None = None
    spans: list[_Span] | None = None


class _ResourceSpans(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None
    instrumentation_library_spans: list[_ScopeSpans] | None = None  # OTLP before 0.15


class _TracesData(msgspec.Struct, rename="camel"):
    resource_spans: list[_ResourceSpans] | None = None


_DATA: Final = msgspec.json.Decoder(_TracesData)
_SPAN: Final = msgspec.json.Decoder(_Span)
_RESOURCE: Final = msgspec.json.Decoder(_Resource)
_SCOPE: Final = msgspec.json.Decoder(_Scope)


class SpanEvent(msgspec.Struct, frozen=True):
    """One event of a span, at `time_ns` since the epoch; None where it has no time."""

    name: str
    time_ns: int | None
    attributes: Attributes


class Span(msgspec.Struct, frozen=True):
    """One span; times in ns since the epoch, None where they are missing. Ids may be empty."""

    name: str
    scope: str
    resource: Attributes
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int | None
    end_ns: int | None
    attributes: Attributes
    events: tuple[SpanEvent, ...]


def resource_of(text: bytes) -> Attributes | None:
    """The attributes of a resource; None where the text is none."""
    try:
        return _attributes(_RESOURCE.decode(text).attributes)
    except (msgspec.MsgspecError, RecursionError):
        return None


def scope_of(text: bytes) -> str | None:
    """The name of a scope; None where the text is none."""
    try:
        return _SCOPE.decode(text).name
    except (msgspec.MsgspecError, RecursionError):
        return None


def span_of(text: bytes, resource: Attributes, scope: str) -> Span:
    """One span. Raises msgspec.MsgspecError or RecursionError where the text is none."""
    return _span(_SPAN.decode(text), resource, scope)


def spans_of(document: bytes) -> Iterator[Span] | None:
    """The spans of a document of traces; None where the text is none."""
    try:
        data = _DATA.decode(document)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return _of_data(data)


def _of_data(data: _TracesData) -> Iterator[Span]:
    for part in data.resource_spans or ():
        resource = _attributes(part.resource.attributes if part.resource else None)
        for group in (*(part.scope_spans or ()), *(part.instrumentation_library_spans or ())):
            scope = group.scope.name if group.scope else ""
            for span in group.spans or ():
                yield _span(span, resource, scope)


def _span(span: _Span, resource: Attributes, scope: str) -> Span:
    events = (
        SpanEvent(event.name, _whole(event.time_unix_nano), _attributes(event.attributes))
        for event in span.events or ()
    )
    return Span(
        name=span.name,
        scope=scope,
        resource=resource,
        trace_id=span.trace_id or "",
        span_id=span.span_id or "",
        parent_id=span.parent_span_id or "",
        start_ns=_whole(span.start_time_unix_nano),
        end_ns=_whole(span.end_time_unix_nano),
        attributes=_attributes(span.attributes),
        events=tuple(events),
    )


def _whole(value: int | str | None) -> int | None:
    """A time in ns, written as a number or as text; None for none and for 0, which is unset."""
    try:
        return int(value) or None if value is not None else None
    except ValueError:
        return None


def _attributes(pairs: list[_Pair] | None) -> Attributes:
    """Attributes by key: texts, numbers and truths; lists, maps and bytes are left out."""
    found: Attributes = {}
    for pair in pairs or ():
        if (value := pair.value) is None:
            continue
        try:
            if value.int_value is not None:
                found[pair.key] = int(value.int_value)
            elif value.double_value is not None:
                found[pair.key] = float(value.double_value)
            elif isinstance(value.string_value, str):
                found[pair.key] = value.string_value
            elif isinstance(value.bool_value, bool):
                found[pair.key] = value.bool_value
        except (TypeError, ValueError, OverflowError):
            continue
    return found
