"""The NVTX ranges of an nsys export: thread, times and "domain:name" of each."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...stats.arrays import Int64
from ..events import NOWHERE, OPEN_END, UNNAMED, Spans, int64_column
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

_EVENTS_AT_ONCE: Final = 65_536
_INTEGERS: Final = (
    "start", "end", "eventType", "globalTid", "endGlobalTid", "textId", "domainId"
)  # fmt: skip


def read_ranges(
    export: NsysExport, strings: dict[int, str], clock: SessionClock
) -> tuple[Spans, "pa.StringArray"]:
    """Push/pop and start/end ranges, in session time, and "domain:name" of each.

    A start/end range stands for its process; it may end on another thread, and then has no thread.

    The exporter puts each text either into its row or into `strings`. A range of the default
    domain has its name alone; one without a text is UNNAMED. A range that was never closed ends at
    OPEN_END. Ranges that cannot be placed are left out. Warnings count all of these.
    """
    types: dict[str, pa.DataType] = dict.fromkeys(_INTEGERS, pa.int64())
    events = export.bulk("NVTX_EVENTS", types | {"text": pa.string()})
    export.warn_of_missing("NVTX_EVENTS", ("start", "globalTid"))
    export.left_out[TraceWarning.EVENTS_OF_NO_TYPE] += events.column("eventType").null_count
    kind = int64_column(events, "eventType")
    texts = _texts(events, strings)
    names = _names(events, texts, kind == _DOMAIN_CREATED)
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
    is_unnamed = ~np.asarray(texts.is_valid())[rows[order]]
    export.left_out[TraceWarning.UNNAMED_RANGES] += int(np.count_nonzero(is_unnamed))
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


def _names(events: pa.Table, texts: Any, creates_domain: Any) -> Any:
    """Text of each event, prefixed by the name of its domain in its process if it has one."""
    has_text = np.asarray(pc.binary_length(texts).fill_null(0)) > 0
    created = np.flatnonzero(creates_domain & has_text)
    texts = texts.fill_null(UNNAMED)
    if not len(created):
        return texts
    process = int64_column(events, "globalTid") & _PROCESS_BITS
    domain_of = _latest_of(created, process, int64_column(events, "domainId"))
    domains = pc.binary_join_element_wise(texts.take(pa.array(created)), ":", "")
    prefix = domains.take(pa.array(domain_of, mask=domain_of < 0)).fill_null("")
    return pc.binary_join_element_wise(prefix, texts, "")


def _latest_of(created: Int64, process: Int64, domain: Int64) -> "npt.NDArray[np.int32]":
    """Place in `created` of the last domain with the process and id of each event; -1 for none.

    Works through the events in blocks, which bounds the memory for intermediate results.
    """
    found = np.empty(len(process), dtype=np.int32)
    for first in range(0, len(process), _EVENTS_AT_ONCE):
        rows = slice(first, first + _EVENTS_AT_ONCE)
        key, of_event = joint_keys(
            (process[created], domain[created]), (process[rows], domain[rows])
        )
        order = np.argsort(key, kind="stable")
        place = np.maximum(np.searchsorted(key[order], of_event, side="right") - 1, 0)
        latest = order[place]
        found[rows] = np.where(key[latest] == of_event, latest, -1)
    return found


def _texts(events: pa.Table, strings: dict[int, str]) -> Any:
    """Text of each event from its row or from `strings`; null where it has none."""
    in_row = events.column("text").combine_chunks()
    in_strings = texts_of(events.column("textId"), strings).cast(pa.string())
    return pc.coalesce(in_strings, in_row)
