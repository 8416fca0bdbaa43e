"""The NVTX ranges of an nsys export: thread, times and "domain:name" of each."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..events import NOWHERE, OPEN_END, Spans, int64_column
from ..joint_keys import joint_keys
from ..messages import TraceWarning
from .clock import SessionClock
from .export import NsysExport
from .kernels import THREAD_BITS, texts_of

# NVTX_EVENTS.eventType
_DOMAIN_CREATED: Final = 75
_START_END: Final = (60, 71)  # those of NVTX, and of NVTXT
_RANGE_TYPES: Final = (59, 70, *_START_END)  # push/pop too

_PROCESS_BITS: Final = 0x0000FFFFFF000000  # where a globalTid holds the process id

_INTEGERS: Final = (
    "start", "end", "eventType", "globalTid", "endGlobalTid", "textId", "domainId"
)  # fmt: skip


def read_ranges(
    export: NsysExport, strings: dict[int, str], clock: SessionClock
) -> tuple[Spans, "pa.StringArray"]:
    """Push/pop and start/end ranges, in session time, and "domain:name" of each.

    A start/end range stands for its process; it may end on another thread, and then has no thread.

    The exporter puts each text either into its row or into `strings`. A range of the default
    domain has its name alone. A range that was never closed ends at OPEN_END. Ranges that cannot be
    placed are left out; warnings count both.
    """
    types: dict[str, pa.DataType] = dict.fromkeys(_INTEGERS, pa.int64())
    events = export.bulk("NVTX_EVENTS", types | {"text": pa.string()})
    kind = int64_column(events, "eventType")
    names = _names(events, strings, kind == _DOMAIN_CREATED)
    rows = np.flatnonzero(np.isin(kind, _RANGE_TYPES))
    if len(rows) < len(kind):
        events, kind = events.take(rows), kind[rows]
    spans = _spans(events, np.isin(kind, _START_END), clock)
    placed = _placed(spans, clock) & np.asarray(events.column("start").is_valid())
    export.left_out[TraceWarning.RANGES_LEFT_OUT] += int(np.count_nonzero(~placed))
    is_open = placed & (spans.end_ns == OPEN_END)
    export.left_out[TraceWarning.RANGES_NEVER_CLOSED] += int(np.count_nonzero(is_open))
    order = np.flatnonzero(placed)
    order = order[np.argsort(spans.start_ns[order], kind="stable")]
    return spans.take(order), names.take(pa.array(rows[order]))


def _spans(events: pa.Table, stands_for_process: Any, clock: SessionClock) -> Spans:
    """Spans of range events; one that neither has a thread nor stands for a process has neither."""
    thread, end_thread = (int64_column(events, name) for name in ("globalTid", "endGlobalTid"))
    start, end = (clock.since_start(int64_column(events, name)) for name in ("start", "end"))
    known = np.asarray(events.column("globalTid").is_valid())
    on_one_thread = known & ((end_thread == -1) | (end_thread == thread))
    return Spans(
        start,
        np.where(np.asarray(events.column("end").is_valid()), end, OPEN_END),
        np.where(on_one_thread, thread, NOWHERE),
        np.where(known & stands_for_process, thread & ~np.int64(THREAD_BITS), NOWHERE),
    )


def _placed(spans: Spans, clock: SessionClock) -> Any:
    """Whether each span has a place in the trace: a thread or process, and times of the session."""
    has_end = (spans.end_ns == OPEN_END) | clock.in_session(spans.end_ns)
    in_time = clock.in_session(spans.start_ns) & has_end & (spans.end_ns >= spans.start_ns)
    return in_time & ((spans.thread != NOWHERE) | (spans.process != NOWHERE))


def _names(events: pa.Table, strings: dict[int, str], creates_domain: Any) -> Any:
    """Text of each event, prefixed by the name of its domain in its process if it has one."""
    texts = _texts(events, strings)
    domain = int64_column(events, "domainId")
    process = int64_column(events, "globalTid") & _PROCESS_BITS
    created = np.flatnonzero(creates_domain & (np.asarray(pc.binary_length(texts)) > 0))
    if not len(created):
        return texts
    key, of_event = joint_keys((process[created], domain[created]), (process, domain))
    order = np.argsort(key, kind="stable")
    latest = np.searchsorted(key[order], of_event, side="right") - 1
    named = (latest >= 0) & (key[order[latest]] == of_event)
    prefixes = pc.binary_join_element_wise(texts.take(pa.array(created[order])), ":", "")
    prefix = prefixes.take(pa.array(latest, mask=~named)).fill_null("")
    return pc.binary_join_element_wise(prefix, texts, "")


def _texts(events: pa.Table, strings: dict[int, str]) -> Any:
    """Text of each event from its row or from `strings`; "" where it has none."""
    in_row = events.column("text").combine_chunks()
    in_strings = texts_of(events.column("textId"), strings).cast(pa.string())
    return pc.coalesce(in_strings, in_row, "")
